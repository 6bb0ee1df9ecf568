//! The algorithms of signatures that are accepted, by the one TLS stack's cryptography.
//!
//! Only public-key algorithms stand here. `none` is no algorithm, and those with a shared secret (`HS256` and the like)
//! are left out, so that nobody passes a public key off as such a secret.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
    VerificationAlgorithm,
};
use signature::Verifier;

/// What a key of a kind may verify; nothing for a key that is not meant for signatures, or of another kind.
#[must_use]
pub fn of_key(key: &Jwk) -> Vec<Algorithm> {
    let for_signatures = key.common.public_key_use.as_ref().is_none_or(|own| *own == PublicKeyUse::Signature);
    if !for_signatures {
        return Vec::new();
    }
    let possible: &[Algorithm] = match &key.algorithm {
        AlgorithmParameters::RSA(_) => &[Algorithm::RS256, Algorithm::PS256],
        AlgorithmParameters::EllipticCurve(own) => match own.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => &[],
        },
        AlgorithmParameters::OctetKeyPair(own) if own.curve == EllipticCurve::Ed25519 => &[Algorithm::EdDSA],
        _ => &[],
    };
    let stated = key.common.key_algorithm;
    let fits = |one: &&Algorithm| stated.is_none_or(|stated| stated == KeyAlgorithm::from(**one));
    possible.iter().filter(fits).copied().collect()
}

/// Has `jsonwebtoken` verify with `ring`. A second time changes nothing.
pub fn install() {
    static RING: CryptoProvider = CryptoProvider {
        // Mandate signs no tokens.
        signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
        verifier_factory: |algorithm, key| verifier(*algorithm, key),
        key_utils: KeyUtils::new_unimplemented(),
    };
    // Only the first of a process counts, and every first is this one.
    let _first = RING.install_default();
}

fn verifier(algorithm: Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let with: With = match algorithm {
        Algorithm::RS256 => With::Rsa(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::PS256 => With::Rsa(&RSA_PSS_2048_8192_SHA256),
        Algorithm::ES256 => With::Curve(&ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => With::Curve(&ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => With::Curve(&ED25519),
        _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
    };
    Ok(Box::new(Public { algorithm, with, key: key.clone() }))
}

enum With {
    Rsa(&'static RsaParameters),
    Curve(&'static dyn VerificationAlgorithm),
}

struct Public {
    algorithm: Algorithm,
    with: With,
    key: DecodingKey,
}

impl Verifier<Vec<u8>> for Public {
    fn verify(&self, message: &[u8], signed: &Vec<u8>) -> Result<(), signature::Error> {
        let verified = match (&self.with, self.key.kind()) {
            (With::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signed)
            }
            (With::Curve(algorithm), DecodingKeyKind::SecretOrDer(key)) => {
                UnparsedPublicKey::new(*algorithm, key).verify(message, signed)
            }
            (With::Rsa(_), DecodingKeyKind::SecretOrDer(_))
            | (With::Curve(_), DecodingKeyKind::RsaModulusExponent { .. }) => {
                return Err(signature::Error::new());
            }
        };
        verified.map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Public {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
