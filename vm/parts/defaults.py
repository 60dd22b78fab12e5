"""Stock programs with their default options: an encrypted disk, PAM, ssh, git; at both devices one after the other."""

import os
import pathlib

import ssh
from bed import WORK, Key, check, demand, equal, finish, run
from door import PIN, Door

CRYPTSETUP = "/usr/lib/systemd/systemd-cryptsetup"


def main():
    with Key("--pin", PIN):
        programs("the virtual key", lambda: None)
    with Door() as door:
        programs("the platform", lambda: len({view["prompt"] for view in door.views()}))
    finish()


def programs(device, questions):
    """`questions` counts what the user was asked so far; `None` where nobody counts."""
    disk(device)
    pam(device)
    git(device)
    resident(device, questions)


def disk(device):
    image, opened = WORK / "disk", pathlib.Path("/dev/mapper/disk")
    with check(f"{device}: systemd-cryptenroll --fido2-device=auto, and systemd-cryptsetup opens the disk again and again"):
        with open(image, "wb") as file:
            file.truncate(32 << 20)
        loop = run("losetup", "--find", "--show", image).strip()
        try:
            cheap = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")
            run("cryptsetup", "luksFormat", "--batch-mode", *cheap, loop, "-", input="the old passphrase")
            run("systemd-cryptenroll", "--fido2-device=auto", loop, env={"PASSWORD": "the old passphrase", **pin_of("cryptenroll")})
            for _ in range(2):
                run(CRYPTSETUP, "attach", "disk", loop, "-", "fido2-device=auto,headless", env=pin_of("cryptsetup"))
                demand(opened.is_block_device(), "the disk is not there")
                run(CRYPTSETUP, "detach", "disk")
        finally:
            run("losetup", "--detach", loop)


def pin_of(program):
    """Where systemd looks for the PIN before it asks a person."""
    folder = WORK / program
    folder.mkdir(exist_ok=True)
    (folder / "fido2-pin").write_text(PIN)
    return {"CREDENTIALS_DIRECTORY": str(folder), "PIN": PIN}


def pam(device):
    with check(f"{device}: pamu2fcfg registers, and pam_u2f lets in who registered and nobody else"):
        service = pathlib.Path("/etc/pam.d/claviger-test")
        service.write_text("auth required pam_u2f.so\naccount required pam_permit.so\n")
        home = pathlib.Path("~root").expanduser()
        keys = home / ".config/Yubico/u2f_keys"
        keys.parent.mkdir(parents=True, exist_ok=True)
        keys.write_text(run("pamu2fcfg", input=f"{PIN}\n", env={"HOME": str(home)}))
        enter = ("pamtester", service.name, "root", "authenticate")
        run(*enter, env={"HOME": str(home)})
        # Another registration's key does not verify what this one signs.
        handle, _, rest = keys.read_text().partition(",")
        _, _, others = run("pamu2fcfg", input=f"{PIN}\n", env={"HOME": str(home)}).partition(",")
        demand(rest != others, "two registrations have the same key")
        keys.write_text(f"{handle},{others}")
        run(*enter, env={"HOME": str(home)}, fails=True)


def git(device):
    """Each algorithm that OpenSSH knows; the key's own options are the defaults too."""
    home = WORK / f"git-{os.urandom(4).hex()}"
    for type in ("ed25519-sk", "ecdsa-sk"):
        with check(f"{device}: git signs a commit with an ssh key of ssh-keygen -t {type}, and verifies it"):
            repository = home / type
            repository.mkdir(parents=True)
            key = repository / "key"
            run("ssh-keygen", "-q", "-t", type, "-N", "", "-f", key, env=ssh.asking(PIN))
            signers = repository / "signers"
            signers.write_text(f"alice@example.org {(repository / 'key.pub').read_text()}")
            settings = {
                "user.name": "Alice", "user.email": "alice@example.org", "gpg.format": "ssh",
                "user.signingkey": f"{key}.pub", "gpg.ssh.allowedSignersFile": signers,
            }  # fmt: skip
            words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
            commands = ("git", "-C", repository, *words)
            run("git", "init", "--quiet", repository)
            run(*commands, "commit", "--quiet", "--allow-empty", "-S", "-m", "Signed", env=ssh.asking(None))
            run(*commands, "verify-commit", "HEAD")


def resident(device, questions):
    with check(f"{device}: ssh-keygen -K fetches the keys of two applications with one approval"):
        files = []
        for name in ("one", "two"):
            files.append(WORK / f"resident-{name}-{os.urandom(4).hex()}")
            run("ssh-keygen", "-q", "-t", "ed25519-sk", "-O", "resident", "-O", f"application=ssh:{name}", "-N", "", "-f", files[-1], env=ssh.asking(PIN))
        before = questions()
        fetched = ssh.fetch(PIN)
        for file in files:
            demand(any(ssh.same_key(file, other) for other in fetched), f"{file.name} is not among {fetched}")
        if before is not None:
            equal(questions() - before, 1, "questions")


main()
