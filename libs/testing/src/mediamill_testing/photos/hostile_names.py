"""File names that break programs which treat a name as a path, a header, markup or a command."""

HOSTILE_FILE_NAMES = (
    "../../../../etc/passwd",
    "..\\..\\windows\\system32\\config.jpg",
    "/etc/cron.d/photo.jpg",
    "C:\\autoexec.jpg",
    "photo.jpg\x00.exe",
    "photo.jpg\r\nSet-Cookie: session=stolen",
    'photo".jpg"; filename="other.jpg',
    "<img src=x onerror=alert(1)>.jpg",
    "'; DROP TABLE media;--.jpg",
    "$(touch owned).jpg",
    "`id`|cat.jpg",
    "{{7*7}}${7*7}.jpg",
    "%2e%2e%2f%2e%2e%2fphoto.jpg",
    "-rf.jpg",
    ".htaccess",
    "..",
    "   ",
    "CON.jpg",
    "photo.php.jpg",
    "photo\u202egpj.exe",
    "e\u0301te\u0301.jpg",
    "写真 🏔️.jpg",
    "a" * 5_000 + ".jpg",
)
"""Each of these belongs to a good picture: it has to be kept as text, and nothing else may come of it."""
