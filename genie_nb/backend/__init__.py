"""The backend: agents, models, tools and the code interpreter, on an event loop of its own. It knows no notebook."""
