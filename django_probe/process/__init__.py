"""What our own code keeps in a process that it shares with the project's."""
