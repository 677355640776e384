#![allow(clippy::unwrap_used)]

use super::*;

fn vault(seed: u64) -> Vault {
    Vault::new(&MasterKey::generate(&Random::seeded(seed)), Random::from_os())
}

#[test]
fn a_sealed_secret_opens_only_for_its_key_id_and_master_key() {
    let (vault, secret) = (vault(1), Secret::new("wJalrXUtnFEMI/K7MDENG"));
    let sealed = vault.seal("AKIDONE", &secret);
    assert!(!sealed.windows(4).any(|window| window == b"wJal"));
    assert!(vault.open("AKIDONE", &sealed).unwrap() == secret);
    assert!(matches!(vault.open("AKIDTWO", &sealed), Err(VaultError::Open)));
    assert!(matches!(
        self::vault(2).open("AKIDONE", &sealed),
        Err(VaultError::Open)
    ));
    assert_ne!(
        vault.seal("AKIDONE", &secret),
        sealed,
        "each sealing has a nonce of its own"
    );
}

#[test]
fn any_change_to_the_sealed_bytes_is_noticed() {
    let vault = vault(1);
    let sealed = vault.seal("AKID", &Secret::new("secret"));
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(vault.open("AKID", &changed).is_err(), "byte {at}");
        assert!(vault.open("AKID", &sealed[..at]).is_err(), "cut at {at}");
    }
    assert!(matches!(
        vault.open("AKID", &[9, 1, 2]),
        Err(VaultError::UnknownVersion(9))
    ));
}

#[test]
fn a_master_key_is_read_from_hexadecimal_and_base64() {
    let bytes = [0xfb; 32];
    let texts = [
        hex::encode(bytes),
        STANDARD.encode(bytes),
        URL_SAFE_NO_PAD.encode(bytes),
    ];
    for text in texts {
        assert_eq!(
            *MasterKey::parse(&format!(" {text}\n")).unwrap().0,
            bytes,
            "{text}"
        );
    }
    for bad in ["", "abcd", "not a key", &hex::encode([1; 31])] {
        assert!(
            matches!(MasterKey::parse(bad), Err(VaultError::MasterKeyText)),
            "{bad}"
        );
    }
}

#[test]
fn the_key_file_is_made_once_and_kept() {
    let folder = std::env::temp_dir().join(format!("berth-vault-{}", Random::from_os().hex32()));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("master.key");
    let keys = [1, 2].map(|_| MasterKey::load_or_create(&path, &Random::from_os()).unwrap());
    assert_eq!(keys[0].0, keys[1].0);
    std::fs::write(&path, "not a key").unwrap();
    assert!(matches!(
        MasterKey::load_or_create(&path, &Random::from_os()),
        Err(VaultError::MasterKeyText)
    ));
    std::fs::remove_dir_all(folder).unwrap();
}
