/** A page as people write them: it knows nothing of the prefix that it is served under. */
export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>An app in a sandbox</title>
<link rel="stylesheet" href="static/style.css">
</head>
<body>
<h1>An app in a sandbox</h1>
<table>
<tr><th>fetch</th><td id="fetch"></td></tr>
<tr><th>server-sent events</th><td id="events"></td></tr>
<tr><th>WebSocket</th><td id="socket"></td></tr>
<tr><th>cookie at the service</th><td id="cookie"></td></tr>
</table>
<p><a id="second" href="pages/second?from=first">The second page</a>
<a id="download" href="report.bin" download>A download</a></p>
<form action="upload" method="post" enctype="multipart/form-data">
<input type="file" name="file" id="file"> <button id="send">Send it</button>
</form>
<script>
const show = (id, text) => { document.getElementById(id).textContent = text; };
fetch('api/reverse', { method: 'POST', body: JSON.stringify({ word: 'stressed' }),
  headers: { 'Content-Type': 'application/json' } })
  .then((answer) => answer.json())
  .then(({ word, cookie }) => { show('fetch', word); show('cookie', cookie); })
  .catch((error) => show('fetch', String(error)));
const seen = [];
const source = new EventSource('events');
source.onmessage = ({ data }) => {
  seen.push(data);
  show('events', seen.join(' '));
  if (data === 'end') source.close();
};
const address = new URL('socket', location.href);
address.protocol = address.protocol.replace('http', 'ws');
const socket = new WebSocket(address, ['chat']);
socket.onopen = () => socket.send('hello');
socket.onmessage = ({ data }) => { show('socket', socket.protocol + ': ' + data); socket.close(4000, 'enough'); };
socket.onclose = ({ code, reason }) => {
  show('socket', document.getElementById('socket').textContent + ', ' + code + ' ' + reason);
};
</script>
</body>
</html>
`;

export const STYLE = `
body { font: 16px sans-serif; margin: 2rem; background: rgb(240, 248, 255); }
th { text-align: left; padding-right: 1rem; }
`;
