"""Why a hit stands where it does: contributions of features, and a sentence for the shopper."""
