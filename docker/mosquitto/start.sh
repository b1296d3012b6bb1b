#!/bin/sh
# Start the broker with the edge's password from the environment. The file is in memory, hashed,
# and the password never stands in a command line.
set -eu
umask 077
printf 'edge:%s\n' "$MQTT_PASSWORD" > /run/mosquitto/passwords
mosquitto_passwd -U /run/mosquitto/passwords
unset MQTT_PASSWORD
exec mosquitto -c /mosquitto/config/mosquitto.conf
