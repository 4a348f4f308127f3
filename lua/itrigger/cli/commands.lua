-- The commands as data, in the order of the help. From it come the reader of words (words.lua), help and messages
-- (parser.lua) and the completion.
--
-- A command:   { name, what it does, run = "module.function" of itrigger.cli, arguments = { … }, options = { … } }
--              is_external = true in place of run: another program reads its words; `options` serve the completion only
--              { endpoints = true } stands for the groups of documented endpoints, each a command of commands
-- An argument: { name, meaning or nil, count = "?" or "*" (one by default), choices = }
-- An option:   { its names, meaning or nil, flag = true or argname =, number =, choices =, required = }

local commands = {}

local OUTPUT = { "--output", "json, table or text.", choices = { "json", "table", "text" } }
local DRY_RUN = { "--dry-run", "Print the request, send nothing.", flag = true }
local CURL = { "--curl", "Print a line for curl, send nothing; the token is masked.", flag = true }
local NO_CHECK = { "--no-check", "Do not check the parameters.", flag = true }
local SHOW = { "--show", "Print the token itself.", flag = true }

local PATH = { "path", "Path of the gateway, from /." }
local PARAMS = { "params", "name=text, name:=JSON, name=@file.", count = "*" }
local BODY = { "params", "name=text, name:=JSON, name=@file; a body also as @file.json or -.", count = "*" }

local CALL = {
  { "--raw", "Print the body as it came.", flag = true },
  { "-i --include", "Print status and headers too.", flag = true },
  { "--filter", "Print one member: data.realName, data[0].id.", argname = "<path>" },
  OUTPUT, DRY_RUN, CURL,
  { "--idempotent", "May be retried even if it may have been executed.", flag = true },
}

-- Those of every command; they may stand before it.
commands.common = {
  { "--version", "Print the version.", flag = true },
  { "--timeout", "Deadline of a call in seconds.", argname = "<s>", number = true },
  { "-v --verbose", "One redacted line for each answer on standard error.", flag = true },
  { "--profile", "Options from ~/.config/itrigger/NAME.conf.", argname = "<name>" },
}

-- A documented endpoint.
commands.endpoint = {
  run = "call.endpoint", arguments = { BODY },
  options = { CALL[1], CALL[2], CALL[3], CALL[4], CALL[5], CALL[6], CALL[7], NO_CHECK },
}

commands.list = {
  { "get", "Send one GET.", run = "call.get", arguments = { PATH, PARAMS }, options = CALL },
  { "post", "Send one POST.", run = "call.post", arguments = { PATH, BODY }, options = CALL },
  { endpoints = true },
  {
    "pages", "Print the rows of a paged list, one JSON object per line.", run = "pages.print",
    arguments = {
      { "target", 'An endpoint, "GET /path" or "POST /path".' },
      PARAMS,
    },
    options = { OUTPUT, DRY_RUN, CURL, NO_CHECK },
  },
  {
    "batch", "One call for each line of a file of JSON objects.", run = "batch.command",
    arguments = { { "file", "The file, or - for standard input." } },
    options = {
      { "--to", 'An endpoint, "GET /path" or "POST /path".', required = true },
      { "--concurrency", "Calls in flight.", argname = "<n>", number = true },
      { "--rate", "Calls a second, at most.", argname = "<n>", number = true },
      { "--failed", "Lines that did not succeed, with the reason, as JSON.", argname = "<file>" },
      { "--journal", "Where the result of each line is recorded (FILE.journal).", argname = "<file>" },
      { "--resume", "Continue: send no line again that succeeded or may have been executed.", flag = true },
      NO_CHECK,
    },
  },
  {
    "help", "Show help for a command or a documented endpoint.", run = "parser.help",
    arguments = { { "topic", count = "*" } },
  },
  { "token", "Show which token is in use.", run = "token.show", options = { SHOW } },
  { "refresh", "Fetch a new token now.", run = "token.refresh", options = { SHOW } },
  { "stats", "Show what the token is doing.", run = "token.stats", options = { OUTPUT } },
  { "doctor", "Check everything that a call needs.", run = "doctor.command" },
  { "endpoints", "List the documented endpoints.", run = "describe.list", arguments = { { "word", count = "?" } } },
  {
    "describe", "Describe a documented endpoint.", run = "describe.command", arguments = {
      { "name", "group.function, or the group" }, { "function", "The function, if the name is a group.", count = "?" },
    },
  },
  {
    "configure", "Ask for the main options of a profile (--profile NAME, else default) and store them in ~/.config/itrigger.",
    run = "configure.command",
  },
  {
    "sandbox", "Start a local gateway to try things on, until Ctrl-C; see: itrigger sandbox --help.", is_external = true,
    options = {
      { "--port", "The port of plain http.", argname = "<n>" },
      { "--address", "https on this address too.", argname = "<ip>" },
      { "--dir", "Where its files are.", argname = "<dir>" },
      { "--background", "Return when it answers.", flag = true },
      { "--stop", "Stop the one of a directory.", argname = "<dir>" },
      { "--help", "Show what it takes.", flag = true },
    },
  },
  {
    "completion", "Print the completion for a shell.", run = "complete.command",
    arguments = {
      { "shell", 'In its start file: eval "$(itrigger completion bash)".', choices = { "bash", "zsh", "fish" } },
    },
  },
}

return commands
