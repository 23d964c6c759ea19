/**
 * Run by the agent inside of a network namespace: listens there, hands the listening socket to the agent, and ends. A
 * socket stays in the namespace that it was made in, so the agent then serves guests without being there.
 */
import { createServer } from 'node:net';

const [address, port] = process.argv.slice(2);
const server = createServer();
server.listen({ host: address, port: Number(port) }, () => {
  process.send?.('listening', server, () => {
    server.close();
    process.disconnect();
  });
});
