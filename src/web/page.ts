/** The page at `GET /`: one photo, its faces. Self-contained, and its CSP forbids everything that it does not need. */

const style = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
form { border: 2px dashed GrayText; border-radius: .75rem; padding: 1.5rem; }
form.over { border-color: Highlight; }
label { display: block; font-weight: 600; margin-bottom: .5rem; }
input, input::file-selector-button { font: inherit; }
:focus-visible { outline: 3px solid Highlight; outline-offset: 3px; }
#photo { width: fit-content; max-width: 100%; position: relative; margin: 1rem 0; }
#photo img { display: block; max-width: 100%; height: auto; }
#photo svg { position: absolute; inset: 0; width: 100%; height: 100%; }
rect { fill: none; stroke: #ff0; stroke-width: 3; vector-effect: non-scaling-stroke; paint-order: stroke; }
rect.shadow { stroke: #000; stroke-width: 6; }
#error:not(:empty) { border-left: .3rem solid #c33; padding-left: .75rem; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid GrayText; border-radius: .5rem; }
`;

const script = `
const $ = id => document.getElementById(id);
const form = $('form'), input = $('file'), status = $('status'), error = $('error'), list = $('faces');
const photo = $('photo'), img = $('img'), svg = $('boxes');
let running = new AbortController();
$('curl').textContent = "curl -F inputFile=@photo.jpg '" + location.origin + "/?wait=30'";

async function ask(url, init) {
  const response = await fetch(url, { ...init, headers: { accept: 'application/json' } });
  const body = await response.json();
  if (!response.ok) throw new Error(body.title + '. ' + body.detail);
  return { waiting: response.status === 202, body };
}

async function recognise(file) {
  running.abort();
  const { signal } = (running = new AbortController());
  URL.revokeObjectURL(img.src);
  img.src = URL.createObjectURL(file);
  img.alt = 'The photo ' + file.name;
  photo.hidden = false;
  error.textContent = '';
  status.textContent = 'Looking at the photo …';
  svg.replaceChildren();
  list.replaceChildren();
  const data = new FormData();
  data.set('inputFile', file);
  try {
    let answer = await ask('/?wait=30', { method: 'POST', body: data, signal });
    while (answer.waiting) answer = await ask(answer.body.result + '?wait=30', { signal });
    show(answer.body);
  } catch (e) {
    if (signal.aborted) return;
    status.textContent = '';
    error.textContent = e.message;
  }
}

function show(result) {
  if (result.status === 'failed') throw new Error('The photo could not be used (' + result.reason + '). ' + result.detail);
  const { faces, image, label } = result;
  status.textContent = 'Result: ' + label + ' (' + faces.length + (faces.length === 1 ? ' face)' : ' faces)');
  svg.setAttribute('viewBox', '0 0 ' + image.width + ' ' + image.height);
  for (const face of faces) {
    for (const name of ['shadow', 'box']) {
      const rect = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
      ['x', 'y', 'width', 'height'].forEach((key, i) => rect.setAttribute(key, face.box[i]));
      rect.setAttribute('class', name);
      svg.append(rect);
    }
    const item = document.createElement('li');
    const near = face.similarity === null ? '' : ', similarity ' + face.similarity.toFixed(2);
    item.textContent = face.label + near;
    list.append(item);
  }
}

form.addEventListener('submit', event => event.preventDefault());
input.addEventListener('change', () => input.files[0] && recognise(input.files[0]));
for (const type of ['dragover', 'dragleave', 'drop']) {
  addEventListener(type, event => {
    event.preventDefault();
    form.classList.toggle('over', type === 'dragover');
    const file = type === 'drop' && event.dataTransfer.files[0];
    if (file) recognise(file);
  });
}
`;

export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>facerec</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<main>
<h1>facerec</h1>
<form id="form">
<label for="file">Choose a photo, or drop one anywhere on this page</label>
<input id="file" type="file" accept="image/jpeg,image/png,image/webp">
</form>
<p id="error" role="alert"></p>
<p id="status" role="status"></p>
<ol id="faces" aria-label="Faces, the most prominent first"></ol>
<div id="photo" hidden><img id="img" alt=""><svg id="boxes" aria-hidden="true"></svg></div>
<h2>From the command line</h2>
<pre tabindex="0"><code id="curl">curl -F inputFile=@photo.jpg</code></pre>
</main>
<script type="module">${script}</script>
</body>
</html>
`;

function hash(source: string): string {
  return `'sha256-${new Bun.CryptoHasher('sha256').update(source).digest('base64')}'`;
}

/** Content-Security-Policy of the page. */
export const policy = [
  "default-src 'none'",
  `script-src ${hash(script)}`,
  `style-src ${hash(style)}`,
  'img-src blob: data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
