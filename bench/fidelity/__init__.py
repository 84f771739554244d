"""`./dev bench fidelity`: documents of known content, and what of it each reader loses, doubles and misplaces."""
