//! The tree against ct-merkle and against figures of another program.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use mandate_verify::Hash;
use mandate_verify::leaf::sha256;
use mandate_verify::tree::{
    Frontier, Path, ProofError, empty_root, node_hash, verify_consistency, verify_inclusion,
};
use proptest::prelude::*;
use proptest::sample::Index;
use sha2::{Digest, Sha256};

/// The leaves that the tests of Certificate Transparency use, and the roots of their first 0 to 8 as a program in
/// Python computed them by the recursive definition of RFC 6962.
const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
const INCLUSION_OF_5_IN_7: [&str; 3] = [
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
];
const CONSISTENCY_OF_3_TO_7: [&str; 4] = [
    "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
    "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "837dbb152e9b079010717e84e865da4ebc0fa198a806d59d31bf15accef22d0e",
];

fn place(n: u64) -> usize {
    usize::try_from(n).unwrap()
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn leaf(bytes: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(bytes).finalize().into()
}

/// The leaf hashes of the numbers from 0, and the same in the oracle.
fn both(size: u64) -> (Vec<Hash>, MemoryBackedTree<Sha256, Vec<u8>>) {
    let mut oracle = MemoryBackedTree::new();
    let leaves = (0..size).map(|n| {
        oracle.push(n.to_be_bytes().to_vec());
        leaf(&n.to_be_bytes())
    });
    (leaves.collect(), oracle)
}

fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::new();
    frontier.extend(leaves.iter().copied());
    frontier.root()
}

fn proof_of(bytes: &[u8]) -> Vec<Hash> {
    bytes.chunks(32).map(|hash| hash.try_into().unwrap()).collect()
}

#[test]
fn roots_and_proofs_agree_with_those_of_another_program() {
    let leaves: Vec<Hash> = LEAVES.iter().map(|bytes| leaf(bytes)).collect();
    for (size, wanted) in ROOTS.iter().enumerate() {
        assert_eq!(hex(&root(&leaves[..size])), *wanted, "{size}");
    }
    let inclusion = Path::inclusion(5, 7).unwrap().prove(&leaves[..7]).unwrap();
    assert_eq!(inclusion.iter().map(hex).collect::<Vec<_>>(), INCLUSION_OF_5_IN_7);
    let consistency = Path::consistency(3, 7).unwrap().prove(&leaves[..7]).unwrap();
    assert_eq!(consistency.iter().map(hex).collect::<Vec<_>>(), CONSISTENCY_OF_3_TO_7);
}

#[test]
fn roots_agree_with_the_oracle() {
    let mut frontier = Frontier::new();
    let mut oracle = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for n in 0..1_100_u64 {
        assert_eq!((frontier.size(), frontier.root()), (n, (*oracle.root().as_bytes()).into()), "{n}");
        frontier.append(&leaf(&n.to_be_bytes()));
        oracle.push(n.to_be_bytes().to_vec());
    }
}

#[test]
fn every_proof_up_to_130_leaves_agrees_with_the_oracle_and_no_changed_one_passes() {
    let (leaves, _) = both(130);
    for size in 0..=130 {
        let here = &leaves[..place(size)];
        let (_, oracle) = both(size);
        let root_here = root(here);
        for index in 0..size {
            let proof = Path::inclusion(index, size).unwrap().prove(here).unwrap();
            let index_here = place(index);
            assert_eq!(proof, proof_of(oracle.prove_inclusion(index_here).as_bytes()), "{index} of {size}");
            let leaf = &leaves[index_here];
            assert_eq!(verify_inclusion(leaf, index, size, &proof, &root_here), Ok(()), "{index} of {size}");
            assert!(verify_inclusion(&[1; 32], index, size, &proof, &root_here).is_err());
            let other = (index + 1) % size;
            assert!(size == 1 || verify_inclusion(leaf, other, size, &proof, &root_here).is_err());
            for changed in changes(&proof) {
                assert!(verify_inclusion(leaf, index, size, &changed, &root_here).is_err());
            }
        }
        for old in 0..=size {
            let proof = Path::consistency(old, size).unwrap().prove(here).unwrap();
            if old > 0 && old < size {
                let added = place(size - old);
                let wanted = proof_of(oracle.prove_consistency(added).as_bytes());
                assert_eq!(proof, wanted, "{old} to {size}");
            }
            let old_root = root(&leaves[..place(old)]);
            let verified =
                |old_root, root, proof: &[Hash]| verify_consistency(old, &old_root, size, &root, proof);
            assert_eq!(verified(old_root, root_here, &proof), Ok(()), "{old} to {size}");
            assert!(verified([1; 32], root_here, &proof).is_err(), "{old} to {size}");
            // From the empty tree everything follows, whatever it is.
            assert_eq!(verified(old_root, [1; 32], &proof).is_err(), old > 0, "{old} to {size}");
            for changed in changes(&proof) {
                assert!(verified(old_root, root_here, &changed).is_err(), "{old} to {size}");
            }
        }
    }
    assert_eq!(Path::inclusion(3, 3), None);
    assert_eq!(Path::consistency(4, 3), None);
    let outside = ProofError::Outside { index: 3, size: 3 };
    assert_eq!(verify_inclusion(&leaves[0], 3, 3, &[], &empty_root()), Err(outside));
    let shrinks = ProofError::Shrinks { old: 4, new: 3 };
    assert_eq!(verify_consistency(4, &[0; 32], 3, &[0; 32], &[]), Err(shrinks));
}

/// A proof with a bit flipped in each hash, without each hash, with one more, and with neighbours swapped.
fn changes(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut changed = Vec::new();
    for place in 0..proof.len() {
        let mut flipped = proof.to_vec();
        flipped[place][place % 32] ^= 1 << (place % 8);
        let mut without = proof.to_vec();
        without.remove(place);
        changed.extend([flipped, without]);
    }
    for place in 1..proof.len() {
        let mut swapped = proof.to_vec();
        swapped.swap(place - 1, place);
        changed.push(swapped);
    }
    let mut longer = proof.to_vec();
    longer.push([0; 32]);
    changed.push(longer);
    changed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn proofs_of_larger_trees_agree_with_the_oracle(size in 131_u64..5_000, part in any::<Index>()) {
        let old = (0..size).nth(part.index(place(size))).unwrap();
        let (leaves, oracle) = both(size);
        let root_here = root(&leaves);
        prop_assert_eq!(root_here, Hash::from(*oracle.root().as_bytes()));
        let inclusion = Path::inclusion(old, size).unwrap().prove(&leaves).unwrap();
        prop_assert_eq!(&inclusion, &proof_of(oracle.prove_inclusion(place(old)).as_bytes()));
        let of = &leaves[place(old)];
        prop_assert_eq!(verify_inclusion(of, old, size, &inclusion, &root_here), Ok(()));
        let old = old.max(1);
        let proof = Path::consistency(old, size).unwrap().prove(&leaves).unwrap();
        let added = place(size - old);
        prop_assert_eq!(&proof, &proof_of(oracle.prove_consistency(added).as_bytes()));
        let old_root = root(&leaves[..place(old)]);
        prop_assert_eq!(verify_consistency(old, &old_root, size, &root_here, &proof), Ok(()));
    }

    #[test]
    fn any_sizes_and_hashes_are_refused_without_harm(
        old in any::<u64>(), new in any::<u64>(), proof in proptest::collection::vec(any::<Hash>(), 0..70)
    ) {
        let root = [9; 32];
        prop_assert!(verify_inclusion(&root, old, new, &proof, &root).is_err() || (new == 1 && proof.is_empty()));
        let trivial = proof.is_empty() && old == new;
        prop_assert!(verify_consistency(old, &root, new, &root, &proof).is_err() || trivial);
        prop_assert!(Path::inclusion(old, new).is_none_or(|path| path.ranges().len() <= 65));
        prop_assert!(Path::consistency(old, new).is_none_or(|path| path.ranges().len() <= 65));
    }

    #[test]
    fn a_frontier_goes_on_from_its_bytes(size in 0_u64..300, more in 0_u64..40) {
        let (leaves, _) = both(size + more);
        let (before, after) = leaves.split_at(place(size));
        let mut frontier = Frontier::new();
        frontier.extend(before.iter().copied());
        let mut read = Frontier::from_bytes(size, &frontier.to_bytes()).unwrap();
        prop_assert_eq!(&read, &frontier);
        read.extend(after.iter().copied());
        prop_assert_eq!(read.root(), root(&leaves));
    }
}

#[test]
fn a_frontier_of_the_wrong_length_is_refused() {
    assert_eq!(Frontier::from_bytes(0, b"").unwrap(), Frontier::new());
    assert!(Frontier::from_bytes(3, &[0; 64]).is_ok());
    for (size, bytes) in [(0, 32), (3, 32), (3, 63), (3, 65), (3, 96), (4, 0), (u64::MAX, 64 * 32)] {
        assert!(Frontier::from_bytes(size, &vec![0; bytes]).is_err(), "{size} {bytes}");
    }
    assert_eq!(
        Frontier::from_bytes(3, &[0; 32]).unwrap_err().to_string(),
        "frontier of a tree of size 3: 32 bytes, expected 64"
    );
}

#[test]
fn a_prover_wants_every_leaf_of_the_tree() {
    let (leaves, _) = both(7);
    for short in 0..7 {
        assert_eq!(Path::consistency(3, 7).unwrap().prove(&leaves[..short]), None, "{short}");
    }
    // Leaves after the tree change nothing.
    let (more, _) = both(9);
    assert_eq!(
        Path::consistency(3, 7).unwrap().prove(&more),
        Path::consistency(3, 7).unwrap().prove(&leaves)
    );
}

#[test]
fn a_node_is_no_leaf() {
    let (left, right) = (sha256(b"l"), sha256(b"r"));
    assert_ne!(node_hash(&left, &right), leaf(&[left, right].concat()));
}
