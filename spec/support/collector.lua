-- How eagerly garbage is collected, on every Lua: 5.5 has other words for it.

-- Set the pause and the step multiplier; return what they were.
return function(pause, step)
  if _VERSION < "Lua 5.5" then
    return collectgarbage("setpause", pause), collectgarbage("setstepmul", step)
  end
  return collectgarbage("param", "pause", pause), collectgarbage("param", "stepmul", step)
end
