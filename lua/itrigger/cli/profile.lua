-- Profiles: named sets of options in ~/.config/itrigger/NAME.conf, lines `option = value`; the secret in a file of its
-- own beside it, mode 0600. Precedence: profile given by --profile or ITRIGGER_PROFILE, then the environment.

local core = require "itrigger.core"

local profile = {}

local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Where profiles are.
function profile.directory()
  local config = os.getenv "XDG_CONFIG_HOME"
  if config == nil or config == "" then
    config = (os.getenv "HOME" or "") .. "/.config"
  end
  return config .. "/itrigger"
end

-- The file of a profile. Returns path | nil, what is wrong.
function profile.path(name)
  if not name:find "^[%w_-]+$" then
    return nil, ('profile "%s": a name has letters, digits, _ and - only'):format(name)
  end
  return profile.directory() .. "/" .. name .. ".conf"
end

local known = {}
for _, option in ipairs(core.options()) do
  known[#known + 1] = option.name
end

local function is_known(name)
  for _, one in ipairs(known) do
    if one == name then
      return true
    end
  end
  return name == "null"
end

-- The options of a profile as text, by name. Returns table | nil, what is wrong.
function profile.read(name)
  local path, err = profile.path(name)
  if path == nil then
    return nil, err
  end
  local file = io.open(path, "rb")
  if file == nil then
    return nil, ('profile "%s": %s does not exist; create it with: itrigger --profile %s configure'):format(name, path, name)
  end
  local options, number = {}, 0
  for line in file:lines() do
    number = number + 1
    local key, value = line:match "^%s*([%w_]+)%s*=%s*(.-)%s*$"
    if key == nil and not line:find "^%s*#" and not line:find "^%s*$" then
      file:close()
      return nil, ("%s:%d: expected option = value"):format(path, number)
    elseif key and not is_known(key) then
      file:close()
      local near = core.nearest(key, known)
      return nil, ('%s:%d: unknown option "%s"%s'):format(path, number, key, near and (': did you mean "%s"?'):format(near) or "")
    elseif key then
      options[key] = value
    end
  end
  file:close()
  return options
end

-- Write a profile; secret, if there is one, goes to a file that only the user can read. Returns path | nil, what is wrong.
function profile.write(name, options, secret)
  local path, err = profile.path(name)
  if path == nil then
    return nil, err
  end
  local directory = profile.directory()
  if os.execute("umask 077 && mkdir -p " .. quoted(directory)) ~= true and not io.open(directory, "r") then
    return nil, "cannot create " .. directory
  end
  local lines = { "# Profile of the command itrigger: lines `option = value`." }
  if secret then
    local file = path:gsub("%.conf$", ".secret")
    os.execute("umask 077 && : >" .. quoted(file) .. " && chmod 600 " .. quoted(file))
    local out, wrong = io.open(file, "wb")
    if out == nil then
      return nil, wrong
    end
    out:write(secret, "\n")
    out:close()
    options.app_secret_file = file
  end
  for _, option in ipairs(known) do
    if options[option] ~= nil and options[option] ~= "" then
      lines[#lines + 1] = option .. " = " .. options[option]
    end
  end
  local out, wrong = io.open(path, "wb")
  if out == nil then
    return nil, wrong
  end
  out:write(table.concat(lines, "\n"), "\n")
  out:close()
  return path
end

return profile
