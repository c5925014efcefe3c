import { runCommandLine } from "./command-line.ts";
import { outputOf } from "./output.ts";

// Not every verb asks for them by outputOf().
outputOf("stdout");
outputOf("stderr");
void runCommandLine(process.argv.slice(2)).then((code) => process.exit(code));
