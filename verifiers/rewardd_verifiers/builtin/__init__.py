"""The verifiers that ship with rewardd, one module each; none imports another."""
