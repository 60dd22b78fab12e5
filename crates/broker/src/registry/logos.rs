//! What providers are drawn by: read and checked with the manifests, so that showing one reads no file.

use claviger_prompt_api::logo::{Format, Logo, Logos};
use claviger_provider::icon::Icon;
use claviger_provider::manifest::{Manifest, ManifestError};

use super::Registry;

impl Registry {
    /// Reads the icons that the manifests name. One that is not fit to be drawn is a problem of its manifest, and its provider has none.
    pub(super) fn load_logos(&mut self) {
        for record in self.records.values_mut() {
            let mut load = |dark| match load(&record.manifest, dark) {
                Ok(logo) => logo,
                Err(problem) => {
                    self.problems.push((record.source.clone(), problem));
                    None
                }
            };
            record.logos = Logos {
                light: load(false),
                dark: load(true),
            };
        }
    }
}

fn load(manifest: &Manifest, dark: bool) -> Result<Option<Logo>, ManifestError> {
    let icon = manifest.load_icon(dark)?;
    Ok(icon.map(|icon| match icon {
        Icon::Svg(text) => Logo::new(Format::Svg, text.as_bytes()),
        Icon::Png(bytes) => Logo::new(Format::Png, &bytes),
    }))
}
