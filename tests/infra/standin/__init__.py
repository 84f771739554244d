"""hashicorp/google without a cloud: what terraform is given in the provider's place."""
