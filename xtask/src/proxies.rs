//! Debian's proxies, which the browser tests put in front of Sluice.

use crate::{
    Step,
    proc::{apt, unpacked},
};
use std::{
    env,
    path::{Path, PathBuf},
};

/// The module that tells whether Apache is there with what the tests need.
const APACHE: &str = "/usr/lib/apache2/modules/mod_auth_openidc.so";
/// Where Debian puts nginx.
const NGINX: &str = "/usr/sbin/nginx";

/// Installs Apache with its `OpenID` module (no service comes with it), and finds nginx: from `NGINX`, from Debian, or
/// unpacked from Debian's package, since installing that would start a service.
pub(crate) fn install() -> Step<PathBuf> {
    if !Path::new(APACHE).exists() && env::var_os("APACHE_MODULES").is_none() {
        apt(&["apache2-bin", "libapache2-mod-auth-openidc"])?;
    }
    if let Some(path) = env::var_os("NGINX") {
        return Ok(path.into());
    }
    if Path::new(NGINX).exists() {
        return Ok(NGINX.into());
    }
    // What it needs at run time; both come without a service.
    unpacked("nginx", &["libpcre2-8-0", "libssl3"], "usr/sbin/nginx")
}
