"""What a WSGI server serves: ``wsgi:app``."""

from saas.app import create_app

app = create_app()
