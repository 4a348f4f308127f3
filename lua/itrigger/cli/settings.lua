-- The options of the client that a command uses: those of its words, of a profile and of the environment.

local client = require "itrigger.client"
local core = require "itrigger.core"
local exit = require "itrigger.cli.exit"
local options = require "itrigger.options"
local profile = require "itrigger.cli.profile"

local settings = {}

options.remedy = "; set %s, or store it with: itrigger configure"

local SECRETS = { app_secret = true, token_store_key = true }

-- The profile "default", without what the environment says better. Returns table | nil, what is wrong.
local function default_profile()
  local made, err = profile.read "default"
  if made == nil then
    return nil, err
  end
  for name in pairs(made) do
    if os.getenv(options.variable(name)) then
      made[name] = nil
    end
  end
  if os.getenv "ITRIGGER_APP_SECRET" or os.getenv "ITRIGGER_APP_SECRET_FILE" then
    made.app_secret, made.app_secret_file = nil, nil
  end
  return made
end

-- The options that the words and the profile give. Returns them, and the name of the profile or nil.
local function given_by(args)
  local name = args.profile or os.getenv "ITRIGGER_PROFILE"
  local made, err = {}, nil
  if name and name ~= "" then
    made, err = profile.read(name)
  elseif profile.exists "default" then
    name = "default"
    made, err = default_profile()
  end
  exit.unless(made, err)
  if made.null == nil and not os.getenv(options.variable "null") then
    made.null = "keep" -- an answer is shown as it is
  end
  if args.timeout then
    made.timeout = args.timeout
  end
  if args.verbose then
    made.trace = 1
  end
  return made, name
end

-- Make the client. Returns client | nil, err; ends the command where the profile is wrong.
function settings.client(args)
  local given, name = given_by(args)
  local made, err = client.new(given)
  local option = err and err.kind == "config" and err.message:match "^option ([%l_]+)"
  if option == "timeout" and args.timeout then
    err.message = err.message .. " (from --timeout)"
  elseif option and name and given[option] ~= nil then
    err.message = ("%s (from the profile %s)"):format(err.message, name)
  end
  return made, err
end

-- Make the client, or end the command.
function settings.open(args)
  local made, err = settings.client(args)
  if made == nil then
    exit.stop_with(err)
  end
  return made
end

-- Return the option `check` of a call: false, or nil for the default.
function settings.check_of(args)
  if args.no_check then
    return false
  end
end

-- The value of an option for people: a secret, and the password of an address, are hidden.
local function shown_option(name, value)
  if SECRETS[name] then
    return "***"
  end
  -- A password that is not percent-encoded, as it must be, may hold any byte: it ends at the last "@".
  return (tostring(value):gsub("(password=)[^&]*", "%1***"):gsub("^([%w+.-]+://[^/?#:@]*:).*@", "%1***@"))
end

-- Return the options in force: an array of { name, value, from } for people, and their values by name.
function settings.describe(args)
  local given, name = given_by(args)
  local rows, values = {}, {}
  for _, option in ipairs(core.options()) do
    local from, value = "default", nil
    local variable = options.variable(option.name)
    if given[option.name] ~= nil then
      value, from = given[option.name], name and "profile " .. name or "command line"
    elseif os.getenv(variable) then
      value, from = os.getenv(variable), variable
    end
    if value ~= nil then
      values[option.name] = value
      rows[#rows + 1] = { name = option.name, value = shown_option(option.name, value), from = from }
    end
  end
  return rows, values
end

return settings
