//! `cargo xtask fresh`: the README's own commands, in a Debian that holds nothing yet, to a key that is stored.

use crate::{
    Step, assets,
    bare::{Bare, folder},
    node,
    proc::{self, Beside, run},
    root, target,
};
use clap::Args;
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
};

/// What the README's commands are under.
const HEADING: &str = "\n## Run it\n";
/// The last of them, which stays.
const SERVE: &str = "sluicectl serve\n";
/// What the provider of the tests and Sluice know.
const SECRET: &str = "known-to-both-sides";

/// Flags of the first start.
#[derive(Args)]
pub(crate) struct Fresh {
    /// Try the debug binary, which is built sooner.
    #[arg(long)]
    debug: bool,
}

/// Where everything listens.
struct Ports {
    sluice: SocketAddr,
    provider: SocketAddr,
    upstream: SocketAddr,
    dns: SocketAddr,
}

impl Ports {
    fn free() -> Step<Self> {
        let free = || Ok::<_, String>(SocketAddr::from((Ipv4Addr::LOCALHOST, proc::free_port()?)));
        Ok(Self { sluice: free()?, provider: free()?, upstream: free()?, dns: free()? })
    }
}

impl Fresh {
    pub(crate) fn run(self) -> Step {
        node::require()?;
        node::install()?;
        assets::build()?;
        proc::build_both(!self.debug)?;
        let bin = target().join(if self.debug { "debug" } else { "release" });
        let ports = Ports::free()?;
        let (install, serve) = commands(&read(&root().join("README.md"))?, &ports)?;

        let debian = Bare::debian("fresh", &[])?;
        let put = |from: &Path, to: &str| {
            let to = debian.0.join(to);
            fs::create_dir_all(to.parent().unwrap_or(&to))
                .and_then(|()| fs::copy(from, &to))
                .map_err(|error| format!("{}: {error}", to.display()))
        };
        put(&bin.join("sluice"), "root/sluice")?;
        put(&root().join("deploy/sluicectl"), "root/deploy/sluicectl")?;
        println!("The README's commands …");
        run(in_shell(&debian, &install).env("DEBIAN_FRONTEND", "noninteractive"))?;

        let secret = folder("fresh-provider")?.join("secret");
        fs::write(&secret, SECRET).map_err(|error| error.to_string())?;
        let base = format!("http://{}", ports.sluice);
        let _provider = Beside::start(
            Command::new("node")
                .arg("openid.mjs")
                .current_dir(root().join("end2end"))
                .env("PORT", ports.provider.port().to_string())
                .env("SLUICE_PUBLIC_URL", &base)
                .env("CLIENT_SECRET_FILE", &secret),
            ports.provider,
            "/.well-known/openid-configuration",
        )?;
        let _upstream = stand_in(&bin, ports.upstream, ports.dns)?;
        let sluice = Beside::start(&mut in_shell(&debian, &serve), ports.sluice, "/healthz")?;
        first_start(&base, Some("alma"))?;
        sluice.end()?;
        Ok(())
    }
}

/// The stand-in with the demo's domains.
pub(crate) fn stand_in(bin: &Path, upstream: SocketAddr, dns: SocketAddr) -> Step<Beside> {
    Beside::start(
        Command::new(bin.join("mailchannels-sandbox")).args([
            "--listen",
            &upstream.to_string(),
            "--dns",
            &dns.to_string(),
            "--seed",
            "demo",
        ]),
        upstream,
        "/_sandbox/health",
    )
}

/// Signs in and stores a key, at the provider as this person, or in demo mode.
pub(crate) fn first_start(base: &str, person: Option<&str>) -> Step {
    run(Command::new("node")
        .args(["first-start.mjs", base, "sandbox-key-07"])
        .args(person)
        .current_dir(root().join("end2end")))
}

fn read(path: &Path) -> Step<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn in_shell(debian: &Bare, script: &str) -> Command {
    debian.command(&["bash", "-euc", &format!("cd /root\n{script}")])
}

/// The README's commands up to the last, and the last. Only what names other people's places is changed: the address, the
/// provider, and the stand-in in MailChannels' place.
fn commands(readme: &str, ports: &Ports) -> Step<(String, String)> {
    let section = readme.split_once(HEADING).ok_or("the README has no section on how to run it")?.1;
    let block =
        section.split_once("```sh\n").and_then(|(_, rest)| rest.split_once("```")).ok_or("it has no commands")?;
    let mut script = block.0.to_owned();
    let beside = format!(
        "SLUICE_PROXY_CIDRS=127.0.0.1/32\nSLUICE_LISTEN={}\nSLUICE_UPSTREAM=http://{}/inbound/v1\nSLUICE_MX_RESOLVER={}\n",
        ports.sluice, ports.upstream, ports.dns
    );
    for (from, to) in [
        ("SLUICE_PUBLIC_URL=https://sluice.example\n", format!("SLUICE_PUBLIC_URL=http://{}\n", ports.sluice)),
        (
            "SLUICE_OIDC_ISSUER=https://id.hosting.example/realms/staff\n",
            format!("SLUICE_OIDC_ISSUER=http://localhost:{}\n", ports.provider.port()),
        ),
        ("SLUICE_OIDC_CLIENT_SECRET=…\n", format!("SLUICE_OIDC_CLIENT_SECRET={SECRET}\n")),
        ("SLUICE_PROXY_CIDRS=127.0.0.1/32\n", beside),
    ] {
        if !script.contains(from) {
            return Err(format!("the README's commands don't say {from}"));
        }
        script = script.replace(from, &to);
    }
    let install = script.strip_suffix(SERVE).ok_or("the README's commands don't end by serving")?;
    Ok((install.to_owned(), SERVE.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_the_commands_and_nothing_in_them_is_elsewhere() {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let ports = Ports { sluice: at(1), provider: at(2), upstream: at(3), dns: at(4) };
        let (install, serve) = commands(&read(&root().join("README.md")).unwrap(), &ports).unwrap();
        assert!(install.contains("sluicectl check-config") && serve == "sluicectl serve\n");
        assert!(!install.contains("example"), "{install}");
        assert!(commands("## Run it\nnothing", &ports).is_err());
    }
}
