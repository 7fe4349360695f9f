-- Never CASCADE: what depends on the extension belongs to somebody.
DROP EXTENSION vector;
