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
    ["itrigger.cli"] = "lua/itrigger/cli/init.lua",
    ["itrigger.cli.arguments"] = "lua/itrigger/cli/arguments.lua",
    ["itrigger.cli.batch"] = "lua/itrigger/cli/batch.lua",
    ["itrigger.cli.complete"] = "lua/itrigger/cli/complete.lua",
    ["itrigger.cli.doctor"] = "lua/itrigger/cli/doctor.lua",
    ["itrigger.cli.output"] = "lua/itrigger/cli/output.lua",
    ["itrigger.cli.profile"] = "lua/itrigger/cli/profile.lua",
    ["itrigger.cli.journal"] = "lua/itrigger/cli/journal.lua",
    ["itrigger.cli.shell"] = "lua/itrigger/cli/shell.lua",
    ["itrigger.cli.terminal"] = "lua/itrigger/cli/terminal.lua",
  },
  install = {
    bin = { itrigger = "bin/itrigger" },
  },
}
