"""The pages: each module has PATH, NAME, TITLE, layout(choices) and register_callbacks(app)."""
