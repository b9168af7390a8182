-- A new server for trying Daybook and for its tests: an owner who migrates, the role that serves, and a
-- database. Their passwords are no secret: the server listens on loopback only.
CREATE ROLE daybook_owner LOGIN PASSWORD 'daybook' CREATEDB CREATEROLE;
CREATE ROLE daybook_server NOLOGIN;
CREATE ROLE daybook_app LOGIN PASSWORD 'daybook' IN ROLE daybook_server;
CREATE DATABASE daybook OWNER daybook_owner;
