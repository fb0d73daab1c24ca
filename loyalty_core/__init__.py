"""The domain: a package per subdomain, over a small kernel. It knows no screen and no HTTP."""
