//! Who may change a file: its owner and mode, and those of every folder above it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Whether the file and every folder above it belong to root and nobody else may write there.
pub fn only_root_may_change(path: &Path) -> bool {
    path.ancestors()
        .all(|part| std::fs::symlink_metadata(part).is_ok_and(|meta| meta.uid() == 0 && !open_to_others(&meta, None)))
}

/// Whether the file behind `path` and every folder above it belong to root or the user and nobody else may write there. A group
/// may if it is the user's own, as with distributions that give every user a group of the same number.
pub fn only_we_may_change(path: &Path) -> bool {
    let user = rustix::process::getuid().as_raw();
    path.canonicalize().is_ok_and(|path| {
        path.ancestors().all(|part| {
            std::fs::symlink_metadata(part)
                .is_ok_and(|meta| (meta.uid() == 0 || meta.uid() == user) && !open_to_others(&meta, Some(user)))
        })
    })
}

/// Whether others than the owner may change a file or replace what lies in a folder. A sticky folder lets others add entries, not
/// replace those of another owner. `own_group` may always write.
fn open_to_others(meta: &Metadata, own_group: Option<u32>) -> bool {
    let closed = if own_group == Some(meta.gid()) { 0o002 } else { 0o022 };
    let sticky = meta.is_dir() && meta.mode() & 0o1000 != 0;
    meta.mode() & closed != 0 && !sticky
}
