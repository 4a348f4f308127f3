-- Holds idle connections to a port of this machine until its standard input ends. Usage: idle.lua PORT COUNT
local socket = require "socket"

local all = {}
for i = 1, tonumber(arg[2]) do
  all[i] = assert(socket.connect("127.0.0.1", tonumber(arg[1])))
end
print(#all)
io.stdout:close()
io.read()
