"""The page's files: complete, free of inline code, and true to what the server says."""

import json
import re
import subprocess
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

import mediamill_standalone
from mediamill_processor.pipeline.thumbhash import thumbhash
from mediamill_processor.pipeline.verdicts import VERDICT_CODES
from mediamill_standalone.page_routes import page_routes
from mediamill_testing.javascript_client import node_program

PAGE = Path(mediamill_standalone.__file__).parent / "page"


@pytest.fixture
def http() -> httpx.AsyncClient:
    """Return a client of the page."""
    transport = httpx.ASGITransport(Starlette(routes=page_routes(_origins)))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def _origins() -> list[str]:
    return ["https://cdn.example", "https://photos.s3.example"]


def run_script(script: str) -> str:
    """Run an ES module that may import the page's modules; return what it prints."""
    command = [node_program(), "--input-type=module", "--eval", script]
    return subprocess.run(command, cwd=PAGE, capture_output=True, text=True, check=True, timeout=30).stdout


async def test_everything_the_page_asks_for_is_there(http):
    """Each file named by the page or by one of its modules is served, as the right type."""
    named = set(re.findall(r'(?:src|href)="(/page/[^"]+)"', (await http.get("/")).text))
    for module in PAGE.glob("*.js"):
        named |= {f"/page/{path}" for path in re.findall(r'from "\./([^"]+)"', module.read_text())}
    assert len(named) > 8
    for path in named:
        answer = await http.get(path)
        assert answer.status_code == 200, path
        kinds = {".js": "javascript", ".css": "text/css", ".svg": "image/svg+xml"}
        assert kinds[Path(path).suffix] in answer.headers["content-type"]


async def test_nothing_inline_and_nothing_from_elsewhere(http):
    """The policy allows our own files only, and the page needs nothing else."""
    answer = await http.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    elsewhere = "https://cdn.example https://photos.s3.example"
    assert policy.endswith(f"img-src 'self' blob: data: {elsewhere}; connect-src 'self' {elsewhere}")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son[a-z]+=|\sstyle=", answer.text)
    assert "://" not in answer.text
    assert not [
        module.name
        for module in PAGE.glob("*.js")
        if re.search(r"innerHTML|insertAdjacentHTML", module.read_text())
    ]


async def test_files_are_guarded_too(http):
    """The modules carry the same policy; no file outside of the page's folder is served."""
    answer = await http.get("/page/app.js")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await http.get("/page/%2e%2e/page_routes.py")).status_code == 404


def test_every_verdict_has_a_sentence():
    """Whatever the processor finds wrong with a file, the page has words for it."""
    script = (
        'import { sentence } from "./sentences.js";'
        f"console.log(JSON.stringify({json.dumps(VERDICT_CODES)}.filter("
        '(code) => sentence({ code, detail: "server" }) === "server")));'
    )
    assert json.loads(run_script(script)) == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((200, {"mediaId": "m", "status": "completed", "finishedAt": "now"}), ["m", "cup.jpg: ready"]),
        ((404, {"code": "not_found", "detail": "Gone."}), [None, "cup.jpg: Gone."]),
        ((401, {"code": "invalid_token"}), ["expired", ""]),
    ],
    ids=["ready", "gone", "signed out"],
)
def test_polling_tells_how_an_upload_ended(answer, told):
    """Without events the page asks; outcomes are announced to those who cannot see the bars."""
    status, body = answer
    script = f"""
        class Part {{
          append() {{}} prepend() {{}} remove() {{}} setAttribute() {{}} addEventListener() {{}}
          querySelector() {{ return null; }}
        }}
        const parts = {{}};
        globalThis.document = {{
          createElement: () => new Part(), getElementById: (id) => (parts[id] ??= new Part()),
        }};
        globalThis.XMLHttpRequest = class {{
          upload = {{}}; status = 202; response = {{ jobId: "j", mediaId: "m" }};
          open() {{}} setRequestHeader() {{}}
          send() {{ queueMicrotask(() => this.onload()); }}
        }};
        globalThis.fetch = async () =>
          ({{ ok: {json.dumps(status < 400)}, status: {status}, json: async () => ({json.dumps(body)}) }});
        const {{ Uploads }} = await import("./uploads.js");
        let told = null;
        process.on("exit", () => console.log(JSON.stringify([told, parts.announcer?.textContent ?? ""])));
        const tell = (what) => {{
          told = what;
          process.exit(0);
        }};
        const uploads = new Uploads({{ onFinished: tell, onExpired: () => tell("expired") }});
        uploads.setLive(true);
        uploads.add([new File(["cup"], "cup.jpg")]);
    """
    assert json.loads(run_script(script)) == told


LIBRARY = """
    class Part {
      children = []; textContent = ""; style = {}; listeners = {};
      addEventListener(name, listener) { this.listeners[name] = listener; }
      append(...parts) {
        for (const part of parts) this.children.push(Object.assign(part, { parent: this }));
      }
      replaceChildren(...parts) { this.children = parts; }
      remove() { this.parent.children = this.parent.children.filter((part) => part !== this); }
      setAttribute() {} getContext() {}
    }
    const named = {};
    const byId = (id) => (named[id] ??= new Part());
    globalThis.document = { createElement: () => new Part(), getElementById: byId };
    globalThis.setTimeout = () => {};
    const medium = { id: "m", status: "READY", fileName: "cup.jpg", variants: [], deletedAt: null };
    let answer = [200, { items: [medium], nextCursor: null }];
    globalThis.fetch = async () => {
      if (answer === null) throw new TypeError("no network");
      const [status, body] = answer;
      return { ok: status < 400, status, json: async () => body };
    };
    const told = [];
    const { Library } = await import("./library.js");
    const library = new Library({ onExpired: () => told.push("expired") });
    await library.open("u");
    const shown = () => byId("grid").children.length;
    const find = (part, text) =>
      part.textContent === text ? part : (part.children ?? []).map((each) => find(each, text)).find(Boolean);
"""


@pytest.mark.parametrize(
    ("answer", "shown", "told"),
    [
        (None, 1, []),
        ((503, {"code": "database_unavailable"}), 1, []),
        ((404, {"code": "not_found"}), 0, []),
        ((401, {"code": "invalid_token"}), 1, ["expired"]),
    ],
    ids=["no network", "away", "gone", "signed out"],
)
def test_a_picture_leaves_the_page_only_when_it_is_gone(answer, shown, told):
    """Something happened to a picture: without an answer to what, it stays where it is."""
    script = f"""{LIBRARY}
        answer = {json.dumps(answer)};
        await library.refresh("m");
        console.log(JSON.stringify([shown(), told]));
    """
    assert json.loads(run_script(script)) == [shown, told]


@pytest.mark.parametrize(
    ("answer", "words", "undo"),
    [
        ({"success": True, "status": "purging", "mediaId": "m"}, "Deleted for good.", False),
        ({"deletedAt": "now"}, "Moved to the trash.", True),
    ],
    ids=["for good", "to the trash"],
)
def test_deleting_says_what_deleting_means_here(answer, words, undo):
    """Where the settings delete for good, nobody is offered to take it back."""
    script = f"""{LIBRARY}
        answer = [200, {{ ...medium, ...{json.dumps(answer)} }}];
        await find(byId("grid"), "Delete").listeners.click();
        await new Promise(setImmediate);
        const [text, button] = byId("toast").children;
        console.log(JSON.stringify([shown(), text, button !== undefined]));
    """
    assert json.loads(run_script(script)) == [0, words, undo]


def test_unknown_codes_show_the_servers_words():
    """A code that the page does not know yet is explained in the server's own words."""
    script = (
        'import { sentence } from "./sentences.js"; console.log(sentence({ code: "new", detail: "Odd." }));'
    )
    assert run_script(script).strip() == "Odd."


@pytest.mark.parametrize(("size", "alpha"), [((32, 20), 255), ((20, 32), 255), ((32, 32), 0)])
def test_placeholders_look_like_the_picture(size, alpha):
    """The page decodes what the processor encodes: left is red, right is blue, holes stay transparent."""
    width, height = size
    left, right = bytes((200, 30, 30, 255)), bytes((30, 30, 200, alpha))
    rows = (left * (width // 2) + right * (width - width // 2)) * height
    digest = list(thumbhash(width, height, rows))
    script = f"""
        import {{ drawPlaceholder }} from "./thumbhash.js";
        globalThis.ImageData = class {{
          constructor(width, height) {{ this.data = new Uint8ClampedArray(width * height * 4); }}
        }};
        const drawn = {{}};
        const canvas = {{ getContext: () => ({{ putImageData: (image) => (drawn.data = image.data) }}) }};
        drawPlaceholder(canvas, btoa(String.fromCharCode(...{digest})), {width} / {height});
        const pixel = (x) => {{
          const at = 4 * (Math.floor(canvas.height / 2) * canvas.width + x);
          return [...drawn.data.slice(at, at + 4)];
        }};
        const size = [canvas.width, canvas.height];
        console.log(JSON.stringify({{ size, left: pixel(2), right: pixel(canvas.width - 3) }}));
    """
    shown = json.loads(run_script(script))
    assert shown["size"] == [width, height]
    red, _, blue, opacity = shown["left"]
    assert red > blue + 60
    assert opacity > 200
    red, _, blue, opacity = shown["right"]
    if alpha:
        assert blue > red + 60
    else:
        assert opacity < 60
