//! The acquirer behind TLS: only who can prove to be the one of the URL is sent anything.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use daybook_engine::acquirer::contract::operation;
use daybook_engine::acquirer::http::{HttpAcquirer, HttpSettings, Trust};
use daybook_engine::acquirer::{Acquirer, CallAnswer};
use daybook_engine::payment::Outcome;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::task::AbortOnDropHandle;

use crate::desk::{serve, settings};

/// A certificate for this name or address, which is its own authority.
fn certificate(folder: &Path, name: &str, subject: &str) -> (PathBuf, PathBuf) {
    let (certificate, key) =
        (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-nodes", "-days", "2", "-newkey", "ec", "-pkeyopt"])
        .args(["ec_paramgen_curve:prime256v1", "-subj", "/CN=acquirer"])
        .args(["-addext", &format!("subjectAltName={subject}")])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (certificate, key)
}

/// TLS with this certificate before a server without.
async fn before(
    plain: SocketAddr,
    (certificate, key): &(PathBuf, PathBuf),
) -> (SocketAddr, AbortOnDropHandle<()>) {
    let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepting = tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            connections.spawn(async move {
                let Ok(mut near) = acceptor.accept(stream).await else { return };
                let mut far = TcpStream::connect(plain).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    (address, AbortOnDropHandle::new(accepting))
}

fn over_tls(address: SocketAddr, authority: &Path) -> HttpAcquirer {
    let endpoint = format!("https://{address}").parse().unwrap();
    let trust = Some(Trust::load(Some(authority)).unwrap());
    HttpAcquirer::start(HttpSettings { endpoint, trust, ..settings(address) })
}

async fn call(acquirer: &HttpAcquirer) -> CallAnswer {
    acquirer.call(&operation(1000), Instant::now() + Duration::from_secs(60)).await
}

#[tokio::test]
async fn only_the_acquirer_that_the_authority_vouches_for_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, _serving) = serve("127.0.0.1:0", &folder.path().join("acquirer.db")).await;
    let own = certificate(folder.path(), "own", "IP:127.0.0.1");
    let other = certificate(folder.path(), "other", "IP:127.0.0.1");
    let misnamed = certificate(folder.path(), "misnamed", "DNS:acquirer.example");
    let (address, _accepting) = before(plain, &own).await;
    let acquirer = over_tls(address, &own.0);
    for _ in 0..2 {
        let answer = call(&acquirer).await;
        let is_approved = matches!(answer, CallAnswer::Concluded(Outcome::Approved { .. }));
        assert!(is_approved, "{answer:?}");
    }
    let not_connected = CallAnswer::NotSent { cause: "NOT_CONNECTED".into() };
    assert_eq!(call(&over_tls(address, &other.0)).await, not_connected, "another authority");
    let (address, _accepting) = before(plain, &misnamed).await;
    assert_eq!(call(&over_tls(address, &misnamed.0)).await, not_connected, "another name");
}

#[test]
fn a_file_without_certificates_is_no_authority() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    assert!(Trust::load(Some(&empty)).is_err());
    let absent = folder.path().join("absent.pem");
    assert!(Trust::load(Some(&absent)).unwrap_err().contains("absent.pem"));
}
