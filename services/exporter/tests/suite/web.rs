//! TLS, client certificates and basic auth, on the binary.
use std::path::Path;
use std::sync::Arc;

use crate::support::exporter::{Exporter, get};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key as PEM.
fn issue(authority: &Authority, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (
        parameters.signed_by(&key, authority).unwrap().pem(),
        key.serialize_pem(),
    )
}

fn exporter(folder: &Path, more: &str) -> (Exporter, Authority) {
    let authority = authority();
    let (certificate, key) = issue(&authority, "localhost");
    std::fs::write(folder.join("server.pem"), certificate).unwrap();
    std::fs::write(folder.join("key.pem"), key).unwrap();
    std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    let config = folder.join("web.yml");
    std::fs::write(
        &config,
        format!("tls_server_config: {{cert_file: server.pem, key_file: key.pem{more}}}\n"),
    )
    .unwrap();
    let variables = [
        ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9"),
        ("WEB_CONFIG_FILE", config.to_str().unwrap()),
    ];
    (Exporter::start(&variables, &[]), authority)
}

/// The status of `/health` over TLS, or why there was none.
fn health(
    address: &str,
    authority: &Authority,
    client: Option<(String, String)>,
) -> Result<String, std::io::Error> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap())
        .unwrap();
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let config = match client {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            )
            .unwrap(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await?;
        stream
            .write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8(answer)
            .unwrap()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned())
    })
}

#[test]
fn tls_answers_who_trusts_its_authority() {
    let folder = tempfile::tempdir().unwrap();
    let (exporter, trusted) = exporter(folder.path(), "");
    assert_eq!(
        health(&exporter.address, &trusted, None).unwrap(),
        "HTTP/1.1 200 OK"
    );
    assert!(health(&exporter.address, &authority(), None).is_err());
}

#[test]
fn a_required_client_certificate_must_be_of_the_right_authority() {
    let folder = tempfile::tempdir().unwrap();
    let more = ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem";
    let (exporter, trusted) = exporter(folder.path(), more);
    let right = issue(&trusted, "prometheus");
    assert_eq!(
        health(&exporter.address, &trusted, Some(right)).unwrap(),
        "HTTP/1.1 200 OK"
    );
    assert!(health(&exporter.address, &trusted, None).is_err());
    assert!(
        health(
            &exporter.address,
            &trusted,
            Some(issue(&authority(), "prometheus"))
        )
        .is_err()
    );
}

#[test]
fn basic_auth_guards_every_path() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("web.yml");
    let hash = bcrypt::hash("secret", 4).unwrap();
    std::fs::write(&config, format!("basic_auth_users: {{ann: \"{hash}\"}}\n")).unwrap();
    let variables = [
        ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9"),
        ("WEB_CONFIG_FILE", config.to_str().unwrap()),
    ];
    let exporter = Exporter::start(&variables, &[]);
    for path in ["/metrics", "/health", "/"] {
        let refused = get(&exporter.address, path, &[]);
        assert_eq!(refused.status, 401, "{path}");
        assert!(refused.headers["www-authenticate"].starts_with("Basic"));
        // ann:secret and ann:wrong
        assert_eq!(
            get(
                &exporter.address,
                path,
                &[("Authorization", "Basic YW5uOnNlY3JldA==")]
            )
            .status,
            200
        );
        assert_eq!(
            get(
                &exporter.address,
                path,
                &[("Authorization", "Basic YW5uOndyb25n")]
            )
            .status,
            401
        );
    }
}

#[test]
fn a_file_that_is_not_supported_whole_is_refused_by_the_name_of_the_key() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "rate_limit: {burst: 1}\n").unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_exporter"))
        .arg("--web.config.file")
        .arg(file.path())
        .output()
        .unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{words}");
    assert!(
        words.contains("WEB_CONFIG_FILE") && words.contains("rate_limit"),
        "{words}"
    );
}
