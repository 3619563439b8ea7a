import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";

/** Has the supervisor of a VM break all connections to its guest, as a reset of the channel does; new ones come about. */
export async function breakConnections(vmDir: string): Promise<void> {
  const socket = connect(join(vmDir, "control.sock"));
  try {
    socket.write('{"action":"reconnect"}\n');
    const [answer] = await once(socket, "data");
    if (String(answer) !== "{}\n") throw new Error(`the supervisor answered ${answer}`);
  } finally {
    socket.destroy();
  }
}
