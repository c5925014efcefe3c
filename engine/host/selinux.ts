import { existsSync } from "node:fs";

/** Whether SELinux is at work on this host (selinux(8): its file system is mounted then). */
export function hasSELinux(): boolean {
  return existsSync("/sys/fs/selinux/enforce");
}
