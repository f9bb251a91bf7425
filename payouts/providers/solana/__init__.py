"""USDC and SOL on Solana: signed by us, kept before it is sent, and never signed anew without a proof."""
