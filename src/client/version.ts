/** Shown by `gantry version` and told to the engine in the handshake. */
export const clientVersion = "0.1.0";
