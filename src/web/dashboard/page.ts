/** Content-Security-Policy of the page: what it needs comes from this server, as files; nothing is inline. */
export const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

/** The dashboard. Its three parts are sections, of which one is shown. */
export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>facerec</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/style.css">
<script type="module" src="/assets/app.browser.js"></script>
</head>
<body>
<header>
<a class="brand" href="#photos">facerec</a>
<nav aria-label="Parts">
<a href="#photos">Photos</a>
<a href="#people">People</a>
<a href="#live">Live</a>
</nav>
<button id="sign-out" type="button" hidden>Sign out</button>
</header>
<main>
<noscript><p>This page needs JavaScript. From the command line: <code>curl -F inputFile=@photo.jpg</code></p></noscript>

<section id="photos" aria-labelledby="photos-title" hidden>
<h1 id="photos-title" tabindex="-1">Who is on the photo?</h1>
<div class="drop" id="drop">
<label for="files">Choose photos, drop them anywhere, or paste them</label>
<input id="files" type="file" accept="image/jpeg,image/png,image/webp" multiple>
</div>
<div id="progress" hidden>
<label for="progress-bar" id="progress-text"></label>
<progress id="progress-bar"></progress>
</div>
<ol id="cards" class="cards" aria-label="Photos, the latest first"></ol>
</section>

<section id="people" aria-labelledby="people-title" hidden>
<h1 id="people-title" tabindex="-1">People</h1>
<form id="add-person" class="row">
<label for="new-person">Name of a new person</label>
<input id="new-person" required maxlength="100" autocomplete="off">
<button>Add</button>
</form>
<div class="row">
<label for="find-person">Find</label>
<input id="find-person" type="search" autocomplete="off" spellcheck="false">
</div>
<p id="people-count" role="status"></p>
<ul id="people-list" class="people"></ul>
<p><button id="more-people" type="button" hidden>Show more</button></p>
</section>

<section id="live" aria-labelledby="live-title" hidden>
<h1 id="live-title" tabindex="-1">Live</h1>
<p id="connection" role="status"></p>
<h2>Queue</h2>
<dl class="figures">
<div><dt>waiting</dt><dd id="visible">–</dd></div>
<div><dt>in work</dt><dd id="in-flight">–</dd></div>
<div><dt>delayed</dt><dd id="delayed">–</dd></div>
<div><dt>answered in the last minute, here</dt><dd id="answered">–</dd></div>
<div><dt>dead letters</dt><dd id="dead">–</dd></div>
</dl>
<h2>Fleet</h2>
<p id="fleet-summary">No controller has shown its fleet yet.</p>
<ol id="fleet" class="fleet" aria-label="Instances by slot"></ol>
<h2>Decisions of the controller</h2>
<ol id="decisions" class="lines"></ol>
<h2>Dead letters</h2>
<p><button id="look-dead" type="button">Look again</button> <span id="dead-state" role="status"></span></p>
<ul id="dead-list" class="lines"></ul>
<h2>Latest answers</h2>
<p id="answers-none">None since this page was opened.</p>
<ol id="answers" class="lines"></ol>
</section>

<div id="problem" role="alert"></div>
<p id="said" class="unseen" role="status"></p>
</main>
<datalist id="names"></datalist>
</body>
</html>
`;
