-- `itrigger configure`: asks for the options of a profile and stores them.

local client = require "itrigger.client"
local exit = require "itrigger.cli.exit"
local output = require "itrigger.cli.output"
local profile = require "itrigger.cli.profile"
local terminal = require "itrigger.cli.terminal"

local configure = {}

local ASKED = { gateway = true, app_id = true, token_store = true, token_store_key = true, app_secret = true }

-- End the command where an answer cannot be: at the next use it would be an error. secret: one that was typed, or nil.
local function check(made, secret)
  local given = {}
  for name, value in pairs(made) do
    given[name] = value
  end
  if secret then
    given.app_secret, given.app_secret_file = secret, nil
  end
  local tried, err = client.new(given)
  if tried then
    tried:close()
  elseif ASKED[err.message:match "^option ([%l_]+)"] then
    exit.stop(2, "configure: %s; nothing was written", err.message)
  end
end

-- Return whether the store is a server that holds the app secret.
local function is_central(store)
  return store:find "^https?:" ~= nil or store:find "^unix:" ~= nil
end

function configure.command(args)
  local name = args.profile or "default"
  exit.unless(profile.path(name))
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
  local central = is_central(made.token_store)
  local has_secret = before.app_secret_file or before.app_secret
  if central then
    has_secret = before.token_store_key or made.token_store:find "^unix:"
  end
  local what = central and "This client's key" or "App secret"
  local secret = terminal.ask(what .. " (not shown" .. (has_secret and ", empty keeps it" or "") .. "): ", true)
  if secret == nil or secret == "" and not has_secret then
    exit.stop(2, "configure: a %s is needed; nothing was written", central and "key" or "secret")
  end
  secret = secret ~= "" and secret or nil
  if central then -- it alone holds the app secret
    made.app_secret, made.app_secret_file, made.token_store_key = nil, nil, secret or made.token_store_key
    secret = nil
  else
    made.token_store_key = nil
  end
  check(made, secret)
  local path, err = profile.write(name, made, secret)
  if path == nil then
    exit.stop(2, "configure: %s", err)
  end
  output.put("Written: ", path, "\nTry it: itrigger --profile ", name, " doctor\n")
  return 0
end

return configure
