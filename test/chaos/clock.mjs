/**
 * Loaded into an engine under test before its own code (`--import`): its wall clock runs beside the host's by as many milliseconds as the
 * file in GANTRY_TEST_CLOCK says. The host's clock is everybody's, and a time namespace does not move the wall clock.
 */
import { readFileSync } from "node:fs";

const path = process.env.GANTRY_TEST_CLOCK;
const HostDate = Date;
let offset = 0;

class JumpingDate extends HostDate {
  constructor(...values) {
    if (values.length === 0) super(HostDate.now() + offset);
    else super(...values);
  }

  static now() {
    return HostDate.now() + offset;
  }
}

function read() {
  try {
    offset = Number(readFileSync(path, "latin1")) || 0;
  } catch {
    offset = 0;
  }
}

if (path !== undefined) {
  globalThis.Date = JumpingDate;
  read();
  setInterval(read, 50).unref();
}
