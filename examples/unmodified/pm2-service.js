// A service that was written for PM2 (wait_ready, shutdown_with_message): it says 'ready', and on 'shutdown' it takes no more
// connections and ends when the last answer is out.
const http = require('http');
const server = http.createServer((request, response) => {
  console.log('request');
  setTimeout(() => { response.end('served in full\n'); console.log('answered'); }, Number(process.env.SLOW_MS || 100));
});
server.listen(process.argv[2] || 8080, () => { if (process.send) process.send('ready'); });
process.on('message', message => {
  if (message !== 'shutdown') return;
  console.log('shutting down');
  server.close(() => process.exit(0));
});
