/** Dockerfiles that docker's own builders and ours are to make the same file system and configuration of. */
export type CorpusCase = {
  readonly name: string;
  readonly dockerfile: string;
  /** Lines of .dockerignore. */
  readonly ignore?: string;
  /** Further flags of `build`. */
  readonly flags?: readonly string[];
  /** What only BuildKit reads, of the version in docker 20.10. */
  readonly kit?: true;
  /** Mount points that BuildKit leaves empty in the image, where we leave nothing. */
  readonly leaves?: readonly string[];
};

/** What each context has; times of all files lie in 2001. */
export const contextScript = `
  printf a > a.txt; printf b > b.txt; printf c > c.md; printf spaced > 'with space.txt'; printf uni > ünï.txt
  mkdir -p dir/sub dir/empty deep/a/b/c node_modules/x logs; printf 1 > dir/one; printf 2 > dir/two; printf 3 > dir/sub/three
  printf h > dir/.hidden; printf d > deep/a/b/c/file; printf m > node_modules/x/index.js; printf l > logs/today.log
  printf keep > logs/keep.log; ln -s a.txt link; ln -s dir dlink; ln -s ../a.txt dir/up; ln -s /nowhere dir/dangling
  printf '#!/bin/sh\\necho ran\\n' > script.sh; chmod 755 script.sh; printf r > readonly; chmod 444 readonly
  printf g > private; chmod 600 private; mkdir closed; chmod 700 closed; printf x > closed/x
  mkdir t; printf in > t/in; mkdir t/d; printf deep > t/d/deep; ln -s in t/l; chmod 750 t/d; chown -R 1000:33 t; mkdir bits; printf s > bits/s; chmod 4755 bits/s; printf t > bits/t; chmod 2711 bits/t
  tar -cf plain.tar -C t .; tar -czf zipped.tgz -C t .; tar -cJf xz.tar.xz -C t .; tar -cjf bz.tar.bz2 -C t .
  printf 'not an archive' > fake.tar; printf zipped | gzip -n > text.gz; rm -r t
  find . -exec touch -h -d '2001-02-03T04:05:06Z' {} +`;

const from = "FROM corpus/base\n";

export const corpus: readonly CorpusCase[] = [
  { name: "nothing but FROM", kit: true, dockerfile: from },
  {
    name: "configuration only",
    dockerfile: `${from}ENV A=1 B="two words" C=a\\ b\nLABEL x=1 "y z"='q'\nEXPOSE 80 53/udp\nUSER app\nWORKDIR /srv\nCMD ["sh","-c","echo hi"]\nENTRYPOINT ["/bin/sh"]\nSTOPSIGNAL SIGQUIT\nVOLUME /data /more\n`,
  },
  {
    name: "old forms of ENV, LABEL, VOLUME",
    dockerfile: `${from}ENV OLD some value  with blanks\nVOLUME ["/a b", "/c"]\nMAINTAINER A Person <a@example.com>\n`,
  },
  { name: "CMD before and after ENTRYPOINT", dockerfile: `${from}CMD ["first"]\nENTRYPOINT ["/bin/echo"]\n` },
  { name: "shell forms", dockerfile: `${from}CMD echo $HOME\nENTRYPOINT exec top -b\n` },
  { name: "SHELL", dockerfile: `${from}SHELL ["/bin/sh", "-ec"]\nRUN echo one > /one; echo $0 > /zero\nCMD run it\n` },
  {
    name: "HEALTHCHECK",
    dockerfile: `${from}HEALTHCHECK --interval=5m --timeout=3s --start-period=1m --retries=7 CMD wget -q localhost || exit 1\n`,
  },
  {
    name: "HEALTHCHECK in exec form, then NONE",
    dockerfile: `${from}HEALTHCHECK CMD ["true", "x"]\nHEALTHCHECK NONE\n`,
  },
  {
    name: "RUN makes files",
    dockerfile: `${from}RUN echo one > /one && mkdir -p /x/y && echo two > /x/y/two && ln -s y /x/z && chmod 4711 /one && chown app:www /x/y\n`,
  },
  {
    name: "RUN changes what is below",
    dockerfile: `${from}RUN echo more >> /etc/passwd\nRUN rm /home/app/file && rmdir /opt/empty && mv /srv/moved /srv/elsewhere\n`,
  },
  {
    name: "RUN replaces a directory by a file and back",
    dockerfile: `${from}RUN rm -r /srv && echo f > /srv\nRUN rm /srv && mkdir /srv && echo new > /srv/new\n`,
  },
  {
    name: "RUN empties a directory and fills it anew",
    dockerfile: `${from}RUN rm -r /home/app && mkdir /home/app && echo other > /home/app/other\n`,
  },
  {
    name: "RUN in exec form",
    dockerfile: `${from}RUN ["/bin/sh", "-c", "echo \\"$HOME\\" > /home.txt"]\nRUN ["/bin/touch", "/a file"]\n`,
  },
  {
    name: "RUN over several lines, with comments between",
    dockerfile: `${from}RUN echo a \\\n  # a comment\n  && echo b > /b \\\n\n  && echo c > /c\n`,
  },
  {
    name: "RUN with special files",
    dockerfile: `${from}RUN mkfifo /pipe && mknod /null c 1 3 && chmod 666 /null && ln /bin/busybox /hard\n`,
  },
  {
    name: "RUN as a user",
    dockerfile: `${from}USER app\nRUN id -u > ~/uid; id -g > ~/gid; echo $HOME > ~/home; pwd > ~/pwd\nUSER 33:1000\nRUN id > /tmp/id\nUSER root\n`,
  },
  {
    name: "RUN sees the environment",
    dockerfile: `${from}ENV A=1\nRUN export B=2; echo "$A $B $PATH" > /env\nRUN echo "[$B]" > /gone\n`,
  },
  { name: "RUN where nothing changes", dockerfile: `${from}RUN true\nRUN echo x > /dev/null\nRUN cat /etc/passwd\n` },
  {
    name: "RUN touches mount points",
    dockerfile: `${from}RUN mount > /mounts.txt; rm -f /mounts.txt; ls /proc /sys /dev > /dev/null\nRUN mkdir -p /run/x && echo 1 > /run/x/y\n`,
  },
  {
    name: "WORKDIR makes directories",
    dockerfile: `${from}WORKDIR /made/by\nWORKDIR workdir\nRUN pwd > pwd\nWORKDIR /home/app\nWORKDIR ../x\n`,
  },
  { name: "WORKDIR as a user", kit: true, dockerfile: `${from}USER app\nWORKDIR /home/app/new\nRUN echo x > /tmp/y\n` },
  { name: "WORKDIR through a link", dockerfile: `${from}WORKDIR /var/link/below\nRUN echo x > here\n` },
  {
    name: "WORKDIR with a variable",
    dockerfile: `${from}ENV D=/one\nWORKDIR $D/two\nWORKDIR \${D}x/\${NONE:-three}\nRUN pwd > /pwd\n`,
  },
  {
    name: "COPY of a file",
    dockerfile: `${from}COPY a.txt /\nCOPY a.txt /renamed\nCOPY a.txt /made/dir/\nCOPY a.txt /home/app\n`,
  },
  {
    name: "COPY of several",
    dockerfile: `${from}COPY a.txt b.txt c.md /many/\nCOPY ["with space.txt", "ünï.txt", "/json/"]\n`,
  },
  { name: "COPY of a directory", dockerfile: `${from}COPY dir /copied\nCOPY dir/ /home/app/\nCOPY dir /srv\n` },
  { name: "COPY of everything", dockerfile: `${from}COPY . /all\n`, ignore: "bits\n" },
  {
    name: "COPY with wildcards",
    dockerfile: `${from}COPY *.txt /txt/\nCOPY ?.md /md/\nCOPY dir/[ot]* /ot/\nCOPY [^a].txt /not-a/\nCOPY de*p/*/b /b/\n`,
  },
  { name: "COPY of links", dockerfile: `${from}COPY link /link-file\nCOPY dlink /dlink-dir\nCOPY dir/up /up\n` },
  {
    name: "COPY through links of the image",
    dockerfile: `${from}COPY a.txt /var/link/\nCOPY b.txt /opt/rel/b\nCOPY dir /var/link\n`,
  },
  {
    name: "COPY over a file",
    dockerfile: `${from}COPY a.txt /home/app/file\nCOPY b.txt /home/app/file\nCOPY private readonly /modes/\n`,
  },
  { name: "COPY keeps setuid", kit: true, dockerfile: `${from}COPY bits /bits\n` },
  { name: "COPY over files that lie below", dockerfile: `${from}COPY a.txt /etc/passwd\nCOPY dir /etc\n` },
  {
    name: "COPY --chown by number",
    dockerfile: `${from}COPY --chown=1234:5678 dir /owned\nCOPY --chown=77 a.txt /made/by/chown/a\n`,
  },
  {
    name: "COPY --chown by name",
    dockerfile: `${from}COPY --chown=app:www dir /owned\nCOPY --chown=app a.txt /app-a\nCOPY --chown=:www b.txt /www-b\n`,
    kit: true,
  },
  {
    name: "COPY --chown as classic",
    dockerfile: `${from}COPY --chown=app:www dir /owned\nCOPY --chown=app a.txt /app-a\n`,
  },
  {
    name: "COPY as another user",
    kit: true,
    dockerfile: `${from}USER app\nCOPY a.txt /tmp/\nWORKDIR /srv/w\nCOPY a.txt b\n`,
  },
  {
    name: "COPY relative to WORKDIR",
    dockerfile: `${from}WORKDIR /w\nCOPY a.txt .\nCOPY b.txt ./sub/\nCOPY dir ../d\nCOPY c.md renamed\n`,
  },
  { name: "COPY of a closed directory", dockerfile: `${from}COPY closed /closed\nCOPY closed/ /into/closed2/\n` },
  {
    name: "COPY with variables",
    dockerfile: `${from}ARG F=a.txt\nENV T=/target\nCOPY $F \${T}/x\nCOPY \${NONE:-b.txt} $T/\n`,
  },
  { name: "COPY of an archive stays one", dockerfile: `${from}COPY plain.tar /\nCOPY zipped.tgz /z/\n` },
  {
    name: ".dockerignore",
    ignore: "bits\nnode_modules\n*.md\nlogs/*\n!logs/keep.log\n# a comment\n\ndir/s*\n",
    dockerfile: `${from}COPY . /all\n`,
  },
  {
    name: ".dockerignore with all but some",
    ignore: "*\n!dir\n!a.txt\ndir/one\n**/.hidden\n",
    dockerfile: `${from}COPY . /all\n`,
  },
  {
    name: ".dockerignore with double stars",
    ignore: "bits\n**/three\ndeep/**/file\n!deep/a/b/c/file\nDockerfile\n.dockerignore\n",
    dockerfile: `${from}COPY . /all\n`,
  },
  { name: "ADD of a file", dockerfile: `${from}ADD a.txt /\nADD dir /d\nADD a.txt b.txt /more/\n` },
  {
    name: "ADD unpacks",
    dockerfile: `${from}ADD plain.tar /plain\nADD zipped.tgz /zipped/\nADD xz.tar.xz /xz\nADD bz.tar.bz2 /bz/\n`,
  },
  { name: "ADD unpacks over what is there", dockerfile: `${from}ADD plain.tar /\nADD zipped.tgz /home/app\n` },
  { name: "ADD of what only looks like an archive", dockerfile: `${from}ADD fake.tar /f/\nADD text.gz /g/\n` },
  { name: "ADD --chown", dockerfile: `${from}ADD --chown=1000:33 a.txt dir /own/\n` },
  { name: "ADD --chown of an archive", kit: true, dockerfile: `${from}ADD --chown=5:6 plain.tar /own/\n` },
  {
    name: "ARG and ENV",
    flags: ["--build-arg", "A=given", "--build-arg", "C=unused"],
    dockerfile: `${from}ARG A=default\nARG B\nENV D=$A E=\${B:-none} F=\${A:+set}\nRUN echo "$A-$B-$C" > /args\nARG C=late\nRUN echo "$C" > /c\n`,
  },
  {
    name: "ARG before FROM",
    flags: ["--build-arg", "TAG=latest"],
    dockerfile: `ARG BASE=corpus/base\nARG TAG=x\nFROM $BASE:$TAG\nARG TAG\nRUN echo "$TAG [$BASE]" > /tag\n`,
  },
  {
    name: "ENV is not seen by its own line",
    dockerfile: `${from}ENV A=hello\nENV A=bye B=$A\nENV C=$A\nENV D="\\$A" E='$A' F=\\$A\nRUN env | grep -E '^[A-F]=' | sort > /env\n`,
  },
  {
    name: "two stages",
    dockerfile: `FROM corpus/base AS build\nWORKDIR /src\nCOPY dir .\nRUN mkdir out && cat one two > out/all && chown app out/all && chmod 640 out/all\nFROM corpus/base\nCOPY --from=build /src/out /out\nCOPY --from=build /src/one /\n`,
  },
  {
    name: "stages by number, of stages, and of an image",
    dockerfile: `FROM corpus/base\nRUN echo zero > /zero\nFROM corpus/base AS Second\nCOPY --from=0 /zero /from-zero\nFROM second\nCOPY --from=corpus/base /etc/passwd /users\nCOPY --from=1 /from-zero /again\n`,
  },
  {
    name: "a stage that is asked for",
    flags: ["--target", "middle"],
    dockerfile: `FROM corpus/base AS first\nRUN echo 1 > /1\nFROM first AS middle\nRUN echo 2 > /2\nFROM middle\nRUN false\n`,
  },
  {
    name: "FROM scratch",
    kit: true,
    dockerfile: `FROM corpus/base AS tools\nFROM scratch\nCOPY --from=tools /bin /bin\nCOPY a.txt /a/b/c\nENV X=1\nCMD ["/bin/sh"]\n`,
  },
  {
    name: "COPY --from keeps owners, modes, links",
    dockerfile: `FROM corpus/base AS made\nRUN mkdir /m && echo 1 > /m/1 && ln -s 1 /m/l && ln /m/1 /m/h && chmod 4750 /m/1 && chown -R app:www /m && chmod 711 /m && mkfifo /m/p\nFROM corpus/base\nCOPY --from=made /m /m2\nCOPY --from=made /m/l /followed\n`,
  },
  { name: "ONBUILD is kept", dockerfile: `${from}ONBUILD RUN echo on > /onbuild\nONBUILD COPY a.txt /\n` },
  { name: "ONBUILD runs", dockerfile: `FROM corpus/onbuild\nRUN echo after > /after\n` },
  {
    name: "labels of flags",
    flags: ["--label", "a=1", "--label", "b=two words"],
    dockerfile: `${from}LABEL a=0 c=3\nRUN echo x > /x\n`,
  },
  {
    name: "another escape",
    dockerfile: `# escape=\`\n${from}RUN echo one && \`\n  echo two > /two\nCOPY a.txt C:\\\\x\nENV P=a\\b\n`,
  },
  {
    name: "Windows line ends",
    dockerfile: `FROM corpus/base\r\nRUN echo one > /one && \\\r\n  echo two > /two\r\nENV A=1\r\n`,
  },
  {
    name: "lower case instructions",
    dockerfile: `from corpus/base\nrun echo x > /x\ncopy a.txt /\nenv A 1\ncmd ["x"]\n`,
  },
  {
    name: "hard links and large files",
    dockerfile: `${from}RUN dd if=/dev/zero of=/zeros bs=1M count=3 2>/dev/null && ln /zeros /zeros2 && cp /bin/busybox /copy\nRUN rm /zeros\n`,
  },
  {
    name: "names that are no words",
    dockerfile: `${from}RUN touch "/a b" '/c"d' "/e\\\\f" /-g '/ü' && mkdir '/.wh' && touch '/.wh/x'\n`,
  },
  {
    name: "long names",
    dockerfile: `${from}RUN d=/$(printf 'n%.0s' $(seq 1 90)); mkdir -p $d/$d/$d && echo deep > $d/$d/$d/$(printf 'f%.0s' $(seq 1 200)) && ln -s $d/$d/$d /long\n`,
  },
  { name: "EXPOSE in all forms", dockerfile: `${from}ENV P=90\nEXPOSE 80/tcp 443 $P 1000-1002 53/UDP\n` },
  {
    name: "RUN with a bind mount",
    kit: true,
    leaves: ["/ctx", "/d"],
    dockerfile: `${from}RUN --mount=type=bind,target=/ctx cp /ctx/a.txt /copied && ls /ctx/dir > /listing\nRUN --mount=type=bind,source=dir,target=/d cat /d/one > /one\n`,
  },
  {
    name: "RUN with a cache mount",
    kit: true,
    leaves: ["/cache", "/t"],
    dockerfile: `${from}RUN --mount=type=cache,target=/cache echo x > /cache/x && cp /cache/x /x\nRUN --mount=type=tmpfs,target=/t echo y > /t/y && cat /t/y > /y\n`,
  },
  {
    name: "RUN with a mount of a stage",
    kit: true,
    leaves: ["/mnt", "/mnt/one"],
    dockerfile: `FROM corpus/base AS one\nRUN echo from-one > /one\nFROM corpus/base\nRUN --mount=from=one,target=/mnt/one cp /mnt/one/one /got\n`,
  },
  {
    name: "COPY --chmod",
    kit: true,
    dockerfile: `${from}COPY --chmod=755 a.txt /exec\nCOPY --chmod=0640 dir/sub/three /dir/\nCOPY --chmod=711 --chown=1000 script.sh /s\n`,
  },
  {
    name: "COPY of a directory as BuildKit",
    kit: true,
    dockerfile: `${from}COPY dir closed /both/\nCOPY link /l\nCOPY dlink /dl\nADD plain.tar /p\nADD text.gz fake.tar /f/\n`,
  },
  {
    name: "WORKDIR and USER as BuildKit",
    kit: true,
    dockerfile: `${from}USER app\nWORKDIR /home/app/new\nCOPY a.txt .\nRUN echo x > /tmp/y\n`,
  },
  {
    name: "platform arguments",
    kit: true,
    dockerfile: `${from}ARG TARGETOS\nARG TARGETARCH\nARG TARGETPLATFORM\nRUN echo "$TARGETOS $TARGETARCH $TARGETPLATFORM [$BUILDPLATFORM]" > /platform\n`,
  },
];
