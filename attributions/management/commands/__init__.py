"""make_demo_data and make_legacy_db."""
