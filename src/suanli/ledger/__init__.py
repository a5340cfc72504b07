"""Who owns what: accounts, transfers, holds, token classes, attestation, supply."""
