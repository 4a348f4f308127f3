rockspec_format = "3.0"
package = "itrigger-cli"
version = "scm-1"
source = {
  url = "git+https://itrigger-lua.invalid/itrigger.git",
}
description = {
  summary = "The command itrigger: the iTrigger OpenAPI from the shell",
  license = "MIT",
}
dependencies = {
  "lua >= 5.1, < 5.6",
  "itrigger",
  "argparse >= 0.7.0",
}
build = {
  type = "builtin",
  modules = {
    ["itrigger.cli.arguments"] = "lua/itrigger/cli/arguments.lua",
    ["itrigger.cli.batch"] = "lua/itrigger/cli/batch.lua",
    ["itrigger.cli.call"] = "lua/itrigger/cli/call.lua",
    ["itrigger.cli.commands"] = "lua/itrigger/cli/commands.lua",
    ["itrigger.cli.complete"] = "lua/itrigger/cli/complete.lua",
    ["itrigger.cli.configure"] = "lua/itrigger/cli/configure.lua",
    ["itrigger.cli.describe"] = "lua/itrigger/cli/describe.lua",
    ["itrigger.cli.doctor"] = "lua/itrigger/cli/doctor.lua",
    ["itrigger.cli.exit"] = "lua/itrigger/cli/exit.lua",
    ["itrigger.cli"] = "lua/itrigger/cli/init.lua",
    ["itrigger.cli.journal"] = "lua/itrigger/cli/journal.lua",
    ["itrigger.cli.output"] = "lua/itrigger/cli/output.lua",
    ["itrigger.cli.pages"] = "lua/itrigger/cli/pages.lua",
    ["itrigger.cli.parser"] = "lua/itrigger/cli/parser.lua",
    ["itrigger.cli.profile"] = "lua/itrigger/cli/profile.lua",
    ["itrigger.cli.request"] = "lua/itrigger/cli/request.lua",
    ["itrigger.cli.sandbox"] = "lua/itrigger/cli/sandbox.lua",
    ["itrigger.cli.settings"] = "lua/itrigger/cli/settings.lua",
    ["itrigger.cli.shell"] = "lua/itrigger/cli/shell.lua",
    ["itrigger.cli.target"] = "lua/itrigger/cli/target.lua",
    ["itrigger.cli.terminal"] = "lua/itrigger/cli/terminal.lua",
    ["itrigger.cli.token"] = "lua/itrigger/cli/token.lua",
    ["itrigger.cli.words"] = "lua/itrigger/cli/words.lua",
    ["itrigger.cli.write"] = "lua/itrigger/cli/write.lua",
  },
  install = {
    bin = { itrigger = "bin/itrigger" },
  },
}
