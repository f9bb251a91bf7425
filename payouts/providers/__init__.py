"""Payout services, one package each; `registry` names them and `base` says what each must be able to do."""
