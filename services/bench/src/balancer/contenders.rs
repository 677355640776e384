//! The proxies that are compared, and the backend behind all of them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use serde_json::json;

use crate::client::Client;
use crate::server::{Process, Server, free_port};

/// The processor of the proxy under test; load and backend take the other.
const PROXY_CPU: &str = "1";
pub const LOAD_CPU: &str = "0";
/// Body of each answer.
const BODY: usize = 1024;

/// Something that balances.
pub trait Contender: Send + Sync {
    /// Base URL of its plain listener.
    fn http(&self) -> &str;
    /// Base URL of its TLS listener, which offers HTTP/2.
    fn https(&self) -> &str;
    fn resident_mib(&self) -> anyhow::Result<f64>;
}

/// A process that ends with this value.
pub struct Pinned(Child);

impl Pinned {
    fn start(cpu: &str, program: &str, words: &[&str], log: &Path) -> anyhow::Result<Self> {
        let log = std::fs::File::options().create(true).append(true).open(log)?;
        let child = Command::new("taskset")
            .args(["-c", cpu, program])
            .args(words)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        Ok(Self(child))
    }

    /// Of it and its children: nginx works in one.
    fn resident_mib(&self) -> anyhow::Result<f64> {
        let children =
            std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.0.id())).unwrap_or_default();
        let own = self.0.id().to_string();
        let pids = std::iter::once(own.as_str()).chain(children.split_whitespace());
        let kib = pids.filter_map(|pid| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
            line.split_whitespace().nth(1)?.parse::<f64>().ok()
        });
        Ok(kib.sum::<f64>() / 1024.0)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.0.id() as i32);
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

/// A self-signed certificate: files with the chain, the key, and both.
pub struct Certificate {
    pub chain: PathBuf,
    pub key: PathBuf,
    pub both: PathBuf,
}

pub fn certificate(folder: &Path) -> anyhow::Result<Certificate> {
    let (chain, key, both) = (
        folder.join("chain.pem"),
        folder.join("key.pem"),
        folder.join("both.pem"),
    );
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-keyout",
        ])
        .arg(&key)
        .arg("-out")
        .arg(&chain)
        .output()
        .context("openssl")?;
    if !made.status.success() {
        bail!("openssl: {}", String::from_utf8_lossy(&made.stderr));
    }
    std::fs::write(&both, [std::fs::read(&chain)?, std::fs::read(&key)?].concat())?;
    Ok(Certificate { chain, key, both })
}

/// One nginx worker on two ports, with one file of 1 KB.
pub struct Origin {
    _process: Pinned,
    pub ports: [u16; 2],
    /// Where WebSockets go.
    pub sockets: u16,
}

impl Origin {
    pub fn start(folder: &Path, sockets: u16) -> anyhow::Result<Self> {
        let root = folder.join("www");
        std::fs::create_dir_all(&root)?;
        std::fs::write(root.join("1k"), "x".repeat(BODY))?;
        let ports = [free_port()?, free_port()?];
        let [one, other] = ports;
        let server = format!(
            "server {{ listen 127.0.0.1:{one} backlog=4096; listen 127.0.0.1:{other} backlog=4096; root {}; \
             keepalive_requests 100000000; open_file_cache max=10; }}",
            root.display()
        );
        let process = nginx(folder, "origin", LOAD_CPU, &server)?;
        Ok(Self {
            _process: process,
            ports,
            sockets,
        })
    }
}

fn nginx(folder: &Path, name: &str, cpu: &str, servers: &str) -> anyhow::Result<Pinned> {
    let config = folder.join(format!("{name}.conf"));
    let pid = folder.join(format!("{name}.pid"));
    let text = format!(
        "worker_processes 1; daemon off; pid {}; error_log stderr crit; \
         events {{ worker_connections 19000; }} \
         http {{ access_log off; client_body_temp_path {temporary}/b; proxy_temp_path {temporary}/p; fastcgi_temp_path {temporary}/f; \
         uwsgi_temp_path {temporary}/u; scgi_temp_path {temporary}/s; {servers} }}\n",
        pid.display(),
        temporary = folder.display(),
    );
    std::fs::write(&config, text)?;
    let path = config.display().to_string();
    Pinned::start(cpu, "nginx", &["-c", &path], &folder.join(format!("{name}.log")))
}

pub struct HaProxy {
    process: Pinned,
    http: String,
    https: String,
}

impl HaProxy {
    pub fn start(folder: &Path, origin: &Origin, certificate: &Certificate) -> anyhow::Result<Self> {
        let (plain, tls) = (free_port()?, free_port()?);
        let [one, other] = origin.ports;
        let text = format!(
            "global\n nbthread 1\n maxconn 9700\n tune.ssl.default-dh-param 2048\n\
             defaults\n mode http\n timeout client 60s\n timeout server 60s\n timeout connect 10s\n timeout tunnel 1h\n http-reuse always\n \
             option forwardfor\n\
             frontend plain\n bind 127.0.0.1:{plain}\n use_backend sockets if {{ path /ws }}\n default_backend origin\n\
             frontend tls\n bind 127.0.0.1:{tls} ssl crt {} alpn h2,http/1.1\n http-request set-header X-Forwarded-Proto https\n \
             default_backend origin\n\
             backend sockets\n server one 127.0.0.1:{}\n\
             backend origin\n balance roundrobin\n server one 127.0.0.1:{one}\n server other 127.0.0.1:{other}\n",
            certificate.both.display(),
            origin.sockets
        );
        let config = folder.join("haproxy.cfg");
        std::fs::write(&config, text)?;
        let path = config.display().to_string();
        Ok(Self {
            process: Pinned::start(
                PROXY_CPU,
                "haproxy",
                &["-db", "-f", &path],
                &folder.join("haproxy.log"),
            )?,
            http: format!("http://127.0.0.1:{plain}"),
            https: format!("https://127.0.0.1:{tls}"),
        })
    }
}

impl Contender for HaProxy {
    fn http(&self) -> &str {
        &self.http
    }
    fn https(&self) -> &str {
        &self.https
    }
    fn resident_mib(&self) -> anyhow::Result<f64> {
        self.process.resident_mib()
    }
}

pub struct Nginx {
    process: Pinned,
    http: String,
    https: String,
}

impl Nginx {
    pub fn start(folder: &Path, origin: &Origin, certificate: &Certificate) -> anyhow::Result<Self> {
        let (plain, tls) = (free_port()?, free_port()?);
        let [one, other] = origin.ports;
        let forward = "location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection \"\"; \
             proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }";
        let servers = format!(
            "keepalive_requests 100000000; \
             upstream origin {{ server 127.0.0.1:{one}; server 127.0.0.1:{other}; keepalive 512; keepalive_requests 100000000; }} \
             server {{ listen 127.0.0.1:{plain} backlog=4096; {forward} }} \
             server {{ listen 127.0.0.1:{tls} ssl http2 backlog=4096; ssl_certificate {}; ssl_certificate_key {}; {forward} }}",
            certificate.chain.display(),
            certificate.key.display()
        );
        Ok(Self {
            process: nginx(folder, "nginx", PROXY_CPU, &servers)?,
            http: format!("http://127.0.0.1:{plain}"),
            https: format!("https://127.0.0.1:{tls}"),
        })
    }
}

impl Contender for Nginx {
    fn http(&self) -> &str {
        &self.http
    }
    fn https(&self) -> &str {
        &self.https
    }
    fn resident_mib(&self) -> anyhow::Result<f64> {
        self.process.resident_mib()
    }
}

/// The first text of this element.
fn tag(xml: &str, name: &str) -> anyhow::Result<String> {
    let (_, rest) = xml
        .split_once(&format!("<{name}>"))
        .with_context(|| format!("no {name} in {xml}"))?;
    let (text, _) = rest.split_once('<').context("unfinished XML")?;
    Ok(text.to_owned())
}

/// The default VPC and its subnets.
async fn networks(client: &Client) -> anyhow::Result<(String, Vec<String>)> {
    let xml = client.ec2("DescribeSubnets", &[]).await?;
    let subnets: Vec<String> = xml
        .split("<subnetId>")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('<')?.0.to_owned()))
        .collect();
    anyhow::ensure!(subnets.len() >= 2, "there are no default subnets: {xml}");
    Ok((tag(&xml, "vpcId")?, subnets))
}

async fn import(client: &Client, certificate: &Certificate) -> anyhow::Result<String> {
    let blob = |path: &Path| {
        Ok::<_, anyhow::Error>(base64::engine::general_purpose::STANDARD.encode(std::fs::read(path)?))
    };
    let body = json!({"Certificate": blob(&certificate.chain)?, "PrivateKey": blob(&certificate.key)?});
    let reply = client.acm("ImportCertificate", body).await?;
    Ok(reply["CertificateArn"]
        .as_str()
        .context("no certificate ARN")?
        .to_owned())
}

/// A group of targets on loopback; gives its ARN.
async fn target_group(client: &Client, vpc: &str, name: &str, ports: &[u16]) -> anyhow::Result<String> {
    let parameters = [
        ("Name", name),
        ("Protocol", "HTTP"),
        ("Port", "80"),
        ("TargetType", "ip"),
        ("VpcId", vpc),
        ("HealthCheckPath", "/1k"),
    ];
    let group = tag(
        &client.elbv2("CreateTargetGroup", &parameters).await?,
        "TargetGroupArn",
    )?;
    let mut parameters = vec![("TargetGroupArn".to_owned(), group.clone())];
    for (at, port) in (1..).zip(ports) {
        parameters.push((format!("Targets.member.{at}.Id"), "127.0.0.1".to_owned()));
        parameters.push((format!("Targets.member.{at}.Port"), port.to_string()));
    }
    let parameters: Vec<(&str, &str)> = parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    client.elbv2("RegisterTargets", &parameters).await?;
    Ok(group)
}

/// `berth proxy` with one worker, configured through the API.
pub struct Berth {
    process: Process,
    client: Client,
    listener: String,
    http: String,
    https: String,
}

impl Berth {
    pub async fn start(
        binary: &Path,
        server: &Server,
        folder: &Path,
        origin: &Origin,
        certificate: &Certificate,
    ) -> anyhow::Result<Self> {
        let (plain, tls) = (free_port()?, free_port()?);
        let data = folder.join("proxy").display().to_string();
        let flags = [
            "--server",
            &server.url,
            "--data-dir",
            &data,
            "--addresses",
            "127.0.0.1",
            "--threads",
            "1",
        ];
        let process = Process::start(binary, "proxy", &flags, &folder.join("proxy.log"))?;
        let pinned = Command::new("taskset")
            .args(["-a", "-c", "-p", PROXY_CPU, &process.id().to_string()])
            .output()?;
        anyhow::ensure!(
            pinned.status.success(),
            "taskset: {}",
            String::from_utf8_lossy(&pinned.stderr)
        );
        let client = server.client.clone();
        let certificate = import(&client, certificate).await?;
        let (vpc, subnets) = networks(&client).await?;
        let parameters = [
            ("Name", "bench"),
            ("Subnets.member.1", &subnets[0]),
            ("Subnets.member.2", &subnets[1]),
        ];
        let balancer = tag(
            &client.elbv2("CreateLoadBalancer", &parameters).await?,
            "LoadBalancerArn",
        )?;
        let group = target_group(&client, &vpc, "bench", &origin.ports).await?;
        let forward = [
            ("DefaultActions.member.1.Type", "forward"),
            ("DefaultActions.member.1.TargetGroupArn", group.as_str()),
        ];
        let (plain_text, tls_text) = (plain.to_string(), tls.to_string());
        let mut parameters = vec![
            ("LoadBalancerArn", balancer.as_str()),
            ("Protocol", "HTTP"),
            ("Port", &plain_text),
        ];
        parameters.extend(forward);
        let listener = tag(&client.elbv2("CreateListener", &parameters).await?, "ListenerArn")?;
        let mut parameters = vec![
            ("LoadBalancerArn", balancer.as_str()),
            ("Protocol", "HTTPS"),
            ("Port", &tls_text),
            ("Certificates.member.1.CertificateArn", &certificate),
        ];
        parameters.extend(forward);
        client.elbv2("CreateListener", &parameters).await?;
        let sockets = target_group(&client, &vpc, "sockets", &[origin.sockets]).await?;
        let rule = [
            ("ListenerArn", listener.as_str()),
            ("Priority", "50000"),
            ("Conditions.member.1.Field", "path-pattern"),
            ("Conditions.member.1.Values.member.1", "/ws"),
            ("Actions.member.1.Type", "forward"),
            ("Actions.member.1.TargetGroupArn", &sockets),
        ];
        client.elbv2("CreateRule", &rule).await?;
        Ok(Self {
            process,
            client,
            listener,
            http: format!("http://127.0.0.1:{plain}"),
            https: format!("https://127.0.0.1:{tls}"),
        })
    }

    /// A rule that answers 418 on this path; gives its ARN.
    pub async fn create_rule(&self, priority: usize, path: &str) -> anyhow::Result<String> {
        let priority = priority.to_string();
        let parameters = [
            ("ListenerArn", self.listener.as_str()),
            ("Priority", &priority),
            ("Conditions.member.1.Field", "path-pattern"),
            ("Conditions.member.1.Values.member.1", path),
            ("Actions.member.1.Type", "fixed-response"),
            ("Actions.member.1.FixedResponseConfig.StatusCode", "418"),
        ];
        tag(&self.client.elbv2("CreateRule", &parameters).await?, "RuleArn")
    }

    pub async fn delete_rule(&self, arn: &str) -> anyhow::Result<()> {
        self.client
            .elbv2("DeleteRule", &[("RuleArn", arn)])
            .await
            .map(drop)
    }

    /// More rules than a balancer may have in the API, each for a path of its own.
    pub async fn insert_rules(&self, database_url: &str, count: i32) -> anyhow::Result<()> {
        // The shapes of one that the API made.
        let model = self.create_rule(1, "/rule-model").await?;
        let pool = sqlx::PgPool::connect(database_url).await?;
        sqlx::query(
            "INSERT INTO rules (arn, listener_arn, priority, conditions, actions, created_at) \
             SELECT r.arn || n, r.listener_arn, 1 + n, \
                 replace(r.conditions::text, '/rule-model', '/rule-' || (n - 1) || '/*')::jsonb, r.actions, r.created_at \
             FROM rules r, generate_series(1, $2) n WHERE r.arn = $1",
        )
        .bind(&model)
        .bind(count)
        .execute(&pool)
        .await?;
        // Touches the balancer, so that proxies hear of the rows.
        self.delete_rule(&model).await
    }
}

impl Contender for Berth {
    fn http(&self) -> &str {
        &self.http
    }
    fn https(&self) -> &str {
        &self.https
    }
    fn resident_mib(&self) -> anyhow::Result<f64> {
        self.process.resident_mib()
    }
}
