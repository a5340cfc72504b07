"""What we agree happened: blocks, Merkle trees, proofs. It does not know what rows mean."""
