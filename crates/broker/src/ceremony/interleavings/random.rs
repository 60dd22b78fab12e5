//! Randomness that repeats itself, and random inputs.

use claviger_ctap::types::RpId;

use crate::ceremony::fixtures::{
    NOTEBOOK, VAULT, approval, ceremony, credential, get, make, named, passkey, provider, user,
};
use crate::ceremony::{Approval, Input, Wanted};
use crate::choice::{Lock, Requirements};

/// A provider without a name.
const THIRD: &str = "org.example.Third";

/// xorshift64*: not random enough for keys, more than enough for this.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }

    pub(super) fn index(&mut self, length: usize) -> Option<usize> {
        (length > 0).then(|| usize::try_from(self.below(length as u64)).expect("below a length"))
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        let index = self.index(all.len()).expect("something to pick from");
        all[index].clone()
    }
}

pub(super) fn random_input(random: &mut Random) -> Input {
    let mut input = if random.below(6) == 0 {
        random_approval(random)
    } else {
        random_ceremony(random)
    };
    input.hello.methods.truncate(usize::from(random.below(8) > 0));
    for method in &mut input.hello.methods {
        method.locked_out = random.below(20) == 0;
        method.wait_ms = if random.below(10) == 0 { 30_000 } else { 0 };
    }
    input
}

fn random_ceremony(random: &mut Random) -> Input {
    let mut providers = vec![
        provider(VAULT, "Claviger vault"),
        provider(NOTEBOOK, "Notebook"),
        provider(THIRD, ""),
    ];
    providers.truncate(1 + random.index(3).unwrap_or_default());
    for provider in &mut providers {
        provider.enabled = random.below(10) > 0;
        provider.reachable = random.below(15) > 0;
        provider.allowed = random.below(15) > 0;
        provider.metadata_known = random.below(8) > 0;
        provider.lock = random.pick(&[Lock::Open, Lock::Open, Lock::Locked, Lock::OwnMeans]);
        provider.algorithms = random.pick(&[None, Some(vec![-7]), Some(vec![-7, -8]), Some(vec![-8])]);
        provider.prf = random.below(2) == 0;
    }
    let passkeys: Vec<_> = (0..random.below(7))
        .map(|number| {
            let provider = random.pick(&[VAULT, NOTEBOOK, THIRD]);
            passkey(provider, u8::try_from(number).expect("small"), "alice")
        })
        .collect();
    let ids = |random: &mut Random| vec![credential(u8::try_from(random.below(8)).expect("small"))];
    let need = match random.below(5) {
        0 => Requirements::Get { allow: ids(random) },
        1 | 2 => get(),
        3 => make(),
        _ => Requirements::Make {
            algorithms: vec![-7],
            prf: true,
            exclude: ids(random),
            user_handle: user(1),
        },
    };
    let verification = random.below(2) == 0;
    let mut input = ceremony(&need, &providers, &passkeys, verification);
    if let Wanted::Answer(wanted) = &mut input.wanted {
        wanted.consent_only = !verification && random.below(4) == 0;
    }
    input
}

fn random_approval(random: &mut Random) -> Input {
    let provider = named(VAULT, "Claviger vault");
    let locked = random.below(2) == 0;
    approval(match random.below(8) {
        0 => Approval::Unlock {
            providers: vec![provider],
        },
        1 => Approval::EnableProvider {
            provider,
            program: None,
            host: None,
        },
        2 => Approval::VerifyUser { provider, hint: None },
        3 => Approval::DeletePasskey {
            provider,
            account: None,
            rp_id: RpId::new("a.example").expect("short"),
            locked,
        },
        4 => Approval::RenamePasskey {
            provider,
            account: None,
            rp_id: RpId::new("a.example").expect("short"),
            new_name: "b".to_owned(),
            locked,
        },
        5 => Approval::ListPasskeys,
        6 => Approval::ChangePin,
        _ => Approval::Setup {
            providers: if locked { vec![provider] } else { Vec::new() },
        },
    })
}
