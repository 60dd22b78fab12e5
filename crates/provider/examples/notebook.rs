//! A whole provider: passkeys in a plain JSON file. It shows the interface, not how to keep secrets: do not use it for real.
//! Run it with `cargo run --example notebook -- --dir DIR`; its manifest stands beside it.

use std::sync::{Arc, Mutex};
use std::{error::Error, fs, path::PathBuf};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use claviger_ctap::authenticator::{self, CredentialRecord, PrfOutput, PrfSeed, Settings};
use claviger_ctap::crypto::{PrivateKey, PublicKey, native};
use claviger_ctap::types::{Aaguid, CredentialId, UserEntity, UserId};
use claviger_joint::metadata::Entry;
use claviger_provider::manifest::Manifest;
use claviger_provider::sdk::{self, CredentialStore, Failure, Options, StoreProvider};
use serde::{Deserialize, Serialize};

/// One passkey as it stands in the file. Byte strings are base64url.
#[derive(Serialize, Deserialize)]
struct Page {
    id: String,
    rp_id: String,
    rp_name: Option<String>,
    user: (String, Option<String>, Option<String>),
    secret: String,
    public: String,
    prf_seed: String,
    discoverable: bool,
    created_ms: u64,
}

struct Notebook {
    file: PathBuf,
    pages: Vec<Page>,
}

/// Whatever goes wrong with the file is the provider's own fault.
fn damaged<E>(_: E) -> Failure {
    Failure::internal("the notebook cannot be read or written")
}

fn bytes(text: &str) -> Result<Vec<u8>, Failure> {
    BASE64.decode(text).map_err(damaged)
}

impl Page {
    fn record(&self) -> Result<CredentialRecord, Failure> {
        let (id, name, display_name) = self.user.clone();
        let id = UserId::new(bytes(&id)?).map_err(damaged)?;
        Ok(CredentialRecord {
            id: CredentialId::new(bytes(&self.id)?).map_err(damaged)?,
            rp_id: self.rp_id.clone(),
            rp_name: self.rp_name.clone(),
            user: UserEntity { id, name, display_name },
            public_key: PublicKey::from_cose_bytes(&bytes(&self.public)?).map_err(damaged)?,
            discoverable: self.discoverable,
            backup_eligible: true,
            backed_up: false,
            sign_count: 0,
            created_ms: self.created_ms,
        })
    }
}

impl Notebook {
    fn page(&self, id: &CredentialId) -> Result<&Page, Failure> {
        let id = BASE64.encode(id.as_bytes());
        let page = self.pages.iter().find(|page| page.id == id);
        page.ok_or_else(|| Failure::not_found("no such passkey"))
    }

    fn save(&self) -> Result<(), Failure> {
        let new = self.file.with_extension("new");
        fs::write(&new, serde_json::to_vec_pretty(&self.pages).map_err(damaged)?).map_err(damaged)?;
        fs::rename(&new, &self.file).map_err(damaged)
    }
}

impl authenticator::CredentialStore for Notebook {
    type Error = Failure;

    fn find(&self, rp_id: &str) -> Result<Vec<CredentialRecord>, Failure> {
        let pages = self.pages.iter().filter(|page| page.rp_id == rp_id);
        pages.map(Page::record).collect()
    }

    fn insert(
        &mut self,
        record: CredentialRecord,
        key: PrivateKey,
        prf_seed: PrfSeed,
        _cred_blob: Option<Vec<u8>>,
    ) -> Result<(), Failure> {
        let stays = |page: &Page| !page.record().is_ok_and(|older| record.replaces(&older));
        self.pages.retain(stays);
        let user = record.user;
        self.pages.push(Page {
            id: BASE64.encode(record.id.as_bytes()),
            rp_id: record.rp_id,
            rp_name: record.rp_name,
            user: (BASE64.encode(user.id.as_bytes()), user.name, user.display_name),
            secret: BASE64.encode(key.secret_bytes().as_slice()),
            public: BASE64.encode(record.public_key.cose_bytes()),
            prf_seed: BASE64.encode(prf_seed.as_bytes()),
            discoverable: record.discoverable,
            created_ms: record.created_ms,
        });
        self.save()
    }

    fn sign(&self, id: &CredentialId, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let (page, public) = (self.page(id)?, self.page(id)?.record()?.public_key);
        let secret = bytes(&page.secret)?;
        let key = PrivateKey::from_parts(public.algorithm(), &secret, public).map_err(damaged)?;
        native().sign(&key, message).map_err(damaged)
    }

    fn prf(&self, id: &CredentialId, salt: &[u8; 32]) -> Result<PrfOutput, Failure> {
        let seed = bytes(&self.page(id)?.prf_seed)?.try_into().map_err(damaged)?;
        Ok(PrfSeed::from_bytes(&seed).evaluate(native(), salt))
    }
}

impl CredentialStore for Notebook {
    fn settings(&self) -> Settings {
        Settings::new(Aaguid(*b"example-notebook"))
    }

    fn list(&self) -> Result<Vec<Entry>, Failure> {
        let entry = |page: &Page| Entry::try_from(page.record()?).map_err(damaged);
        self.pages.iter().map(entry).collect()
    }

    fn delete(&mut self, id: &CredentialId) -> Result<(), Failure> {
        let gone = self.page(id)?.id.clone();
        self.pages.retain(|page| page.id != gone);
        self.save()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--dir").skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: notebook --dir DIR")?);
    fs::create_dir_all(&folder)?;
    let file = folder.join("notebook.json");
    if !file.exists() {
        fs::write(&file, "[]")?;
    }
    let pages = serde_json::from_slice(&fs::read(&file)?)?;
    let manifest = Manifest::parse(include_str!("org.example.Notebook.provider"))?;
    let provider = StoreProvider::new(Arc::new(Mutex::new(Notebook { file, pages })));
    let connection = zbus::Connection::session().await?;
    let options = Options::new(folder.join("state"));
    let serving = sdk::serve(&connection, &manifest, options, provider).await?;
    serving.ended().await;
    Ok(())
}
