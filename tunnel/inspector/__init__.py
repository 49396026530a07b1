"""THE WINDOW: a page and an API on what was recorded. It reads the store alone; `tunnel.window` serves it."""
