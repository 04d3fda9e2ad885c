"""make_demo_data, make_legacy_db and seed_demo."""
