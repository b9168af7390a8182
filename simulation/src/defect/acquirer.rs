//! Defects on the way to the acquirer.

use async_trait::async_trait;
use daybook_engine::acquirer::{Acquirer, AcquirerRequest, CallAnswer, InquiryAnswer, Notice};
use daybook_engine::ids::OperationId;
use daybook_engine::payment::{AcquirerReference, Outcome, Verb};
use tokio::time::Instant;
use uuid::Uuid;

use super::Defect;
use crate::ports::AcquirerPort;

pub(super) struct DefectiveAcquirer {
    pub(super) defect: Defect,
    pub(super) port: AcquirerPort,
}

#[async_trait]
impl Acquirer for DefectiveAcquirer {
    async fn call(&self, request: &AcquirerRequest, send_before: Instant) -> CallAnswer {
        let mut request = request.clone();
        if self.defect == Defect::IdRenewed {
            let id = Uuid::from_u128(u128::from(self.port.door.world.next_number()));
            request.operation_id = OperationId::from_uuid(id);
        }
        match self.port.call(&request, send_before).await {
            CallAnswer::Unknown { cause } if self.defect == Defect::TimeoutIsFailure => {
                let acquirer = AcquirerReference::default();
                CallAnswer::Concluded(match request.verb {
                    Verb::Authorize => Outcome::Declined { code: cause, acquirer },
                    _ => Outcome::Failed { code: cause, acquirer },
                })
            }
            answer => answer,
        }
    }

    async fn inquire(&self, request: &AcquirerRequest) -> InquiryAnswer {
        self.port.inquire(request).await
    }

    async fn notice(&self) -> Notice {
        loop {
            let notice = self.port.notice().await;
            if self.defect != Defect::NoticeDropped {
                return notice;
            }
        }
    }
}
