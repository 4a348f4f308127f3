-- `itrigger configure`: asks for the options of a profile and stores them.

local exit = require "itrigger.cli.exit"
local output = require "itrigger.cli.output"
local profile = require "itrigger.cli.profile"
local terminal = require "itrigger.cli.terminal"

local configure = {}

function configure.command(args)
  local name = args.profile or "default"
  local before = {}
  if profile.exists(name) then
    before = exit.unless(profile.read(name))
  end
  local function ask(text, standard)
    local answer = terminal.ask(text .. (standard and " [" .. standard .. "]" or "") .. ": ")
    if answer == nil then
      exit.stop(2, "configure: the input ended; nothing was written")
    end
    return answer ~= "" and answer or standard
  end
  local made = {}
  for option, value in pairs(before) do -- what is not asked for stays
    made[option] = value
  end
  made.gateway = ask("Gateway (https://…)", before.gateway or "https://gateway-dev.itrigger.cn")
  made.app_id = ask("App id", before.app_id)
  made.token_store = ask("Token store", before.token_store or "file:")
  local has_secret = before.app_secret_file or before.app_secret
  local secret = terminal.ask("App secret (not shown" .. (has_secret and ", empty keeps it" or "") .. "): ", true)
  if secret == nil or secret == "" and not has_secret then
    exit.stop(2, "configure: a secret is needed; nothing was written")
  end
  local path, err = profile.write(name, made, secret ~= "" and secret or nil)
  if path == nil then
    exit.stop(2, "configure: %s", err)
  end
  output.put("Written: ", path, "\nTry it: itrigger --profile ", name, " doctor\n")
  return 0
end

return configure
