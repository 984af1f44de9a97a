const style = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{display:grid;place-items:center;min-height:90vh;margin:1rem}
main{width:min(24rem,100%)}
form{display:grid;gap:.75rem}
input,button{font:inherit;padding:.5rem;border:1px solid;border-radius:.25rem}
[role=alert]{color:light-dark(#b00020,#ff8a80)}`;

const hash = new Bun.CryptoHasher('sha256').update(style).digest('base64');

/** Headers of the login page: it loads nothing, and cannot be framed. */
export const loginPolicy = {
  'content-security-policy': `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  'referrer-policy': 'no-referrer',
};

/** Asks for a key; needs no script. */
export function loginPage(problem = ''): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>facerec: key needed</title>
<style>${style}</style>
<main>
<form method="post" action="/session">
<h1>facerec</h1>
<label for="key">This server needs a key. <code>facerec-web keys create</code> makes one.</label>
<input id="key" name="key" type="password" required autofocus autocomplete="current-password" spellcheck="false">
${problem && `<p role="alert">${problem}</p>`}
<button>Go on</button>
</form>
</main>
</html>
`;
}
