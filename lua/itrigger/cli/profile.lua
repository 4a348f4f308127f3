-- Profiles: named sets of options in ~/.config/itrigger/NAME.conf, lines `option = value`; the secret in a file of its
-- own beside it, mode 0600. Precedence: the profile that --profile or ITRIGGER_PROFILE names, the environment, the profile
-- "default" if there is one.

local core = require "itrigger.core"

local shell = require "itrigger.cli.shell"

local profile = {}

-- Where profiles are. Returns path | nil, what is wrong. A relative path would be another directory each time.
function profile.directory()
  local config, home = os.getenv "XDG_CONFIG_HOME" or "", os.getenv "HOME" or ""
  if config:sub(1, 1) == "/" then
    return config .. "/itrigger"
  elseif home:sub(1, 1) == "/" then
    return home .. "/.config/itrigger"
  end
  return nil, "there is no directory for profiles: set HOME or XDG_CONFIG_HOME to an absolute path"
end

-- The file of a profile. Returns path | nil, what is wrong.
function profile.path(name)
  if not name:find "^[%w_-]+$" then
    return nil, ('profile "%s": a name has letters, digits, _ and - only'):format(name)
  end
  local directory, err = profile.directory()
  return directory and directory .. "/" .. name .. ".conf", err
end

local known = { "null" }
for _, option in ipairs(core.options()) do
  known[#known + 1] = option.name
end

local function is_known(name)
  for _, one in ipairs(known) do
    if one == name then
      return true
    end
  end
  return false
end

-- Return whether there is a profile of this name.
function profile.exists(name)
  local path = profile.path(name)
  local file = path and io.open(path, "rb")
  if file then
    file:close()
  end
  return file ~= nil
end

-- The names of all profiles.
function profile.names()
  local names, directory = {}, profile.directory()
  for file in (directory and shell.capture("cd " .. shell.word(directory) .. " && ls") or ""):gmatch "[^\n]+" do
    names[#names + 1] = file:match "^([%w_-]+)%.conf$"
  end
  return names
end

-- What is wrong with who may write and read the file of a profile, or nil.
local function exposure(file, path, options)
  local status = core.file_status(file)
  if not status.is_private_to_write then
    return ("%s: other users can write this profile (mode %s) and so send the secret elsewhere; own it, and chmod 600 it"):format(
      path, status.mode)
  elseif (options.app_secret or options.token_store_key) and not status.is_private_to_read then
    return ("%s: other users can read the secret in this profile (mode %s); chmod 600 it"):format(path, status.mode)
  end
end

-- Read the options from the text of a file. Returns table | nil, what is wrong.
local function parse(text, path)
  local options, number = {}, 0
  text = text:gsub("^\239\187\191", "") -- the mark that Windows editors put before UTF-8
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    number = number + 1
    local key, value = line:match "^%s*([%w_]+)%s*=%s*(.-)%s*$"
    if key == nil and not line:find "^%s*#" and not line:find "^%s*$" then
      return nil, ("%s:%d: expected option = value"):format(path, number)
    elseif key and not is_known(key) then
      local near = core.nearest(key, known)
      return nil, ('%s:%d: unknown option "%s"%s'):format(path, number, key, near and (': did you mean "%s"?'):format(near) or "")
    elseif key then
      options[key] = value
    end
  end
  return options
end

-- The options of a profile as text, by name. Returns table | nil, what is wrong.
function profile.read(name)
  local path, err = profile.path(name)
  if path == nil then
    return nil, err
  end
  local file, wrong, number = io.open(path, "rb")
  if file == nil and number == 2 then -- ENOENT
    return nil, ('profile "%s": %s does not exist; create it with: itrigger --profile %s configure'):format(name, path, name)
  elseif file == nil then
    return nil, ('profile "%s": %s'):format(name, wrong)
  end
  local text, options
  text, wrong = file:read "*a"
  if text == nil then
    file:close()
    return nil, ('profile "%s": %s: %s'):format(name, path, wrong)
  end
  options, err = parse(text, path)
  err = err or exposure(file, path, options)
  file:close()
  if err then
    return nil, err
  end
  return options
end

-- Replace a file by one with this text that only the user can read; the old one stays if that fails. Returns true | nil,
-- what is wrong.
local function replace(path, text)
  local temporary = path .. ".new"
  local word = shell.word(temporary)
  if not shell.run(("(umask 077 && rm -f %s && : >%s) 2>/dev/null"):format(word, word)) then
    return nil, temporary .. " cannot be created"
  end
  local file, err = io.open(temporary, "wb")
  local ok = file ~= nil
  if file then
    ok, err = file:write(text)
    local closed, wrong = file:close()
    if ok and not closed then
      ok, err = false, wrong
    end
  end
  if ok then
    ok, err = os.rename(temporary, path)
  end
  if not ok then
    os.remove(temporary)
    return nil, ("%s cannot be written: %s"):format(path, tostring(err))
  end
  return true
end

-- Write a profile; secret, if there is one, goes to a file of its own. Only the user can read either. Returns path | nil,
-- what is wrong.
function profile.write(name, options, secret)
  local path, err = profile.path(name)
  if path == nil then
    return nil, err
  end
  local directory = profile.directory()
  if not shell.run("(umask 077 && mkdir -p " .. shell.word(directory) .. ") 2>/dev/null") then
    return nil, directory .. " cannot be created"
  end
  local ok
  if secret then
    local file = path:gsub("%.conf$", ".secret")
    ok, err = replace(file, secret .. "\n")
    if not ok then
      return nil, err
    end
    options.app_secret, options.app_secret_file = nil, file
  end
  local lines = { "# Profile of the command itrigger: lines `option = value`." }
  for _, option in ipairs(known) do
    if options[option] ~= nil and options[option] ~= "" then
      lines[#lines + 1] = option .. " = " .. options[option]
    end
  end
  ok, err = replace(path, table.concat(lines, "\n") .. "\n")
  if not ok then
    return nil, err
  end
  return path
end

return profile
